"""What gunicorn reads by itself at its start: a fault in the environment is said once, before any worker is there."""

import sys

from portal import settings  # noqa: F401

# Workers inherit what is loaded here, and would keep these settings when HUP brings them the code of a new version.
for name in [name for name in sys.modules if name.partition(".")[0] == "portal"]:
    del sys.modules[name]

# Nobody steers it through a socket, which two servers of one account would share, and one without a home lacks.
control_socket_disable = True
