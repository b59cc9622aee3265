"""`tcpdiag`: the commands, and what they share: version, exit codes, errors in one line."""

import gc
import os
import sys
from typing import Annotated

import typer

from .. import __version__
from ..errors import TcpdiagError
from ..units import printable
from .analyze import analyze
from .explain import explain
from .extract import extract
from .flows import flows
from .follow import follow
from .plot import plot
from .report import report
from .segments import segments
from .timeline import timeline

OK, FOUND, UNUSABLE, INTERRUPTED = 0, 1, 2, 130

app = typer.Typer(
    name="tcpdiag",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(short_help="Find what is wrong with the connections, the cause first.")(analyze)
app.command(short_help="List the connections, numbered as in Wireshark.")(flows)
app.command(short_help="Tell what happened on a connection, segment by segment.")(timeline)
app.command(short_help="Print the bytes that a connection carried.")(follow)
app.command(short_help="List the segments of a connection with a verdict on each.")(segments)
app.command(short_help="Draw a connection, or the capture as a whole.")(plot)
app.command(short_help="Take packets of connections or findings out, anonymised if asked for.")(extract)
app.command(short_help="Tell a report that was stored as JSON in another format.")(report)
app.command(short_help="Tell what a kind of finding means.")(explain)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"tcpdiag {__version__}")
        raise typer.Exit


@app.callback()
def tcpdiag(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Explain broken TCP from a packet capture, with the frames that prove it.

    \b
    Examples:
      tcpdiag analyze office.pcap
      tcpdiag analyze --flow 'port 443' -o report.md day1.pcapng day2.pcapng.zst
      tcpdump -i any -w - tcp | tcpdiag analyze -
      tcpdiag flows --sort bytes --limit 20 office.pcap
      tcpdiag timeline office.pcap --flow 0
      tcpdiag follow office.pcap --flow 0
      tcpdiag segments office.pcap --flow 0
      tcpdiag plot office.pcap --flow 0 --kind sequence -o office.svg
      tcpdiag extract office.pcap --flow 0 --redact -o for-the-vendor.pcapng
      tcpdiag report office.json -o office.html
      tcpdiag explain rst-off-sequence
    """


def main() -> None:
    """Run the command; exit 2 with one line on stderr for what cannot be done."""
    # numpy's linear algebra is not used; starting its threads takes half of numpy's import.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        app(prog_name="tcpdiag")
    except TcpdiagError as error:
        print(f"tcpdiag: {printable(str(error))}", file=sys.stderr)
        sys.exit(UNUSABLE)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    finally:
        gc.freeze()  # the process ends: to look once more for garbage in it would take a tenth of a short run
