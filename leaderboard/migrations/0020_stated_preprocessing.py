import re

import leaderboard.models.shapes
from django.db import migrations, models


def take_sizes(apps, schema_editor):
    """Take the image size of rows that were imported before from what tells them apart."""
    entries = apps.get_model('leaderboard', 'Entry').objects.filter(variant__contains=' px')
    for entry in entries.iterator():
        if size := re.search(r' ([1-9]\d{0,3}) px( |$)', entry.variant):
            entry.preprocessing = {'crop': int(size[1])}
            entry.save(update_fields=['preprocessing'])


class Migration(migrations.Migration):

    dependencies = [
        ('leaderboard', '0019_names_of_standings'),
    ]

    operations = [
        migrations.AddField(
            model_name='entry',
            name='preprocessing',
            field=models.JSONField(blank=True, default=dict, help_text='what its source says of the images, such as {"resize": 328, "crop": 288}; empty: nothing', validators=[leaderboard.models.shapes.check_preprocessing]),
        ),
        migrations.RunPython(take_sizes, migrations.RunPython.noop, elidable=True),
    ]
