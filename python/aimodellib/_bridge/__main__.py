"""Entry point of a worker process, ``python .../aimodellib/_bridge/__main__.py``, and of the commands that need no
worker: ``check``, ``requirements``, ``supervise``, ``tensorboard``, ``rank``.

The first lines run on any Python, even 2.7: a Python that is too old says so instead of failing with a syntax error.
"""

import os
import sys

#: Exit code that tells the supervisor "this Python is too old"; outside the ranges of shells and signals.
TOO_OLD = 86

if __name__ == "__main__":
    if sys.version_info < (3, 8):  # noqa: UP036 - that is what this checks
        sys.stderr.write(
            "Python 3.8 or later is needed; %s is Python %s\n"  # noqa: UP031
            % (sys.executable, ".".join(map(str, sys.version_info[:3])))
        )
        sys.exit(TOO_OLD)
    # The folder of this file must not be on the path: its `train` would shadow a script of that name.
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    from aimodellib._bridge.bytecode import starting

    command = sys.argv[1:2]
    if command == ["check"]:
        with starting():
            from aimodellib._bridge.check import main as check
        check(sys.argv[2:])
    elif command == ["requirements"]:
        with starting():
            from aimodellib._bridge.requirements import main as requirements
        requirements(sys.argv[2:])
    elif command == ["supervise"]:
        with starting():
            from aimodellib._bridge.supervise import main as supervise
        supervise(sys.argv[2:])
    elif command == ["rank"]:
        with starting():
            from aimodellib._bridge.launch import main as rank
        rank()
    elif command == ["tensorboard"]:
        with starting():
            from aimodellib._bridge.tensorboard import main as tensorboard
        tensorboard(sys.argv[2:])
    else:
        with starting():
            from aimodellib._bridge.worker import main
        main()
