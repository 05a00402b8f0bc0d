"""`python -m flows …` is `clinicnet …`."""

from flows.commands.command_line import main

if __name__ == "__main__":
    main()
