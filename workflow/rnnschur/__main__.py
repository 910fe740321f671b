"""The command line, as ``python -m rnnschur``."""

from rnnschur.command import main

if __name__ == "__main__":
    main(prog_name="rnnschur")
