import signal
import sys

# Until there is somebody to say that it stopped, Ctrl-C ends it without a traceback; where it is ignored it stays so.
TAKES_INTERRUPTS = signal.getsignal(signal.SIGINT) is signal.default_int_handler
if TAKES_INTERRUPTS:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from evaluation.engine.cli import main  # noqa: E402

if __name__ == "__main__":
    if TAKES_INTERRUPTS:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(main(sys.argv[1:]))
