"""`tcpdiag explain`."""

from typing import Annotated

import typer

from .output import stdout


def explain(
    kind: Annotated[
        str | None, typer.Argument(metavar="[KIND]", help="A kind of finding; without it, all of them.")
    ] = None,
) -> None:
    """Tell what a kind of finding means, what it rests on and what it cannot know.

    \b
    Examples:
      tcpdiag explain
      tcpdiag explain rst-off-sequence
    """
    from ..reports import manual

    with stdout() as stream:
        stream.write(manual.render(kind).encode())
