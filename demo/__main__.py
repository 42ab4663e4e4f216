"""``python -m demo``."""

from keyworks.cli.interrupt import end_quietly, end_with_a_sentence


def _main() -> None:
    end_quietly()  # importing takes a second
    from demo.command import main

    end_with_a_sentence()
    main()


_main()
