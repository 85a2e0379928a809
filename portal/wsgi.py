import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

application = get_wsgi_application()
# What is loaded by now stays: a collection in the middle of a request need not look through half a million objects. And
# what a page is made of is gone when it is sent, so that there is little to be found after every 700 new objects.
gc.freeze()
gc.set_threshold(10_000)
