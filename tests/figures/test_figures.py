"""Figures: what each one computes, and that each can be drawn and saved."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import tcpdiag
from places import FIXTURES, ROOT
from tcpdiag.cli.app import app
from tcpdiag.errors import UsageError
from tcpdiag.figures import axes, files, held, resets, sequence, states, throughput, window
from tcpdiag.figures.capture_plots import CAPTURE_PLOTS
from tcpdiag.figures.flow_plots import FLOW_PLOTS
from tcpdiag.figures.trace import NONE, SegmentClass
from tcpdiag.model.states import State
from tcpdiag.report import Report

OFFICE = FIXTURES / "office" / "office.pcap"


@pytest.fixture(scope="module")
def office() -> Report:
    return tcpdiag.analyze(OFFICE)


@pytest.fixture(scope="module")
def sawtooth() -> Report:
    return tcpdiag.analyze(FIXTURES / "sawtooth" / "capture.pcap")


def test_trace_has_every_segment_with_its_class(office: Report) -> None:
    trace = office.flow(0).plot.trace
    table = office.flow(0).segments()
    assert trace.frame.tolist() == table.index.tolist()
    assert trace.seq.tolist() == table["seq"].tolist()
    assert trace.ack.tolist() == table["ack"].fillna(NONE).tolist()
    sent_again = trace.frame[trace.segment_class == SegmentClass.RETRANSMISSION]
    told = table.index[table["events"].str.contains("retransmission")]
    assert set(told) <= set(sent_again.tolist())


def test_classes_tell_probes_of_a_closed_window_from_keepalives() -> None:
    stalled = tcpdiag.analyze(FIXTURES / "clientleak-stall" / "capture.pcap").flow(0).plot.trace
    alive = tcpdiag.analyze(FIXTURES / "keepalive-answered" / "capture.pcap").flow(1).plot.trace
    assert SegmentClass.ZERO_WINDOW_PROBE in stalled.segment_class
    assert SegmentClass.KEEPALIVE not in stalled.segment_class
    assert SegmentClass.KEEPALIVE in alive.segment_class
    assert SegmentClass.ZERO_WINDOW_PROBE not in alive.segment_class


def test_copies_that_the_capture_made_are_not_sent_again() -> None:
    trace = tcpdiag.analyze(FIXTURES / "derived-dup-http" / "capture.pcap").flow(0).plot.trace
    copies = trace.segment_class == SegmentClass.COPY
    assert copies.sum() > 10
    assert SegmentClass.RETRANSMISSION not in trace.segment_class
    sent = [trace.payload_len[(trace.side == side) & ~copies].sum() for side in (0, 1)]
    drawn = throughput.spec(trace)
    length = drawn.edges[-1] - drawn.edges[0]
    assert [round(rate * length) for rate in drawn.average] == sent


def test_sequence_graph_is_of_the_busier_side_and_marks_the_evidence(office: Report) -> None:
    drawn = sequence.spec(office.flow(0).plot.trace)
    assert drawn.sender == "server"
    assert len(drawn.segments[SegmentClass.RETRANSMISSION]) >= 6
    evidence = {item.frame for finding in office.findings for item in finding.evidence if item.frame}
    assert {frame for _, _, frame, _ in drawn.findings} <= evidence
    assert np.all(np.diff(drawn.acks[:, 1]) >= 0)


def test_state_lanes_shade_where_the_ends_disagree(office: Report) -> None:
    flow = office.flow(0)
    drawn = states.spec(flow, [], office.tables.first_ts_ns, office.tables.last_ts_ns)
    ((begin, end),) = drawn.disagreements
    assert end - begin == pytest.approx(13.6, abs=0.1)
    assert {stay.state for stay in drawn.stays if stay.lane == 1} >= {State.ESTABLISHED, State.CLOSE_WAIT}


def test_state_lanes_of_a_reused_4_tuple_begin_with_the_earlier_connection() -> None:
    report = tcpdiag.analyze(FIXTURES / "cwreuse-loop-silent" / "capture.pcap")
    flow = report.flow(1)
    earlier = [flow.sibling(stream) for stream in flow.lineage]
    drawn = states.spec(flow, earlier, report.tables.first_ts_ns, report.tables.last_ts_ns)
    assert {stay.stream for stay in drawn.stays} == {0, 1}


def test_window_shades_where_it_was_closed() -> None:
    trace = tcpdiag.analyze(FIXTURES / "clientleak-stall" / "capture.pcap").flow(0).plot.trace
    ((begin, end, frame),) = window.spec(trace).closed
    assert frame == 37
    assert end - begin > 14


def test_held_connections_rise_and_fall_with_the_releases(sawtooth: Report) -> None:
    where = sawtooth.findings[0].endpoint
    assert where is not None
    drawn = held.spec(sawtooth.tables, sawtooth.states, where, sawtooth.findings)
    close_wait = drawn.counts[State.CLOSE_WAIT]
    assert close_wait.max() == 19
    assert len(drawn.releases) >= 3
    after = np.searchsorted(drawn.times, np.array(drawn.releases) + 0.2)
    assert np.all(close_wait[np.minimum(after, len(close_wait) - 1)] <= 2)


def test_held_connections_of_nobody_are_none(sawtooth: Report) -> None:
    assert held.spec(sawtooth.tables, sawtooth.states, "192.0.2.1:1").counts == {}
    with pytest.raises(UsageError):
        held.spec(sawtooth.tables, sawtooth.states, "nowhere")


def test_reset_map_has_the_distance_of_each(office: Report) -> None:
    drawn = resets.spec(office.tables, office.streams)
    assert drawn.points["one below, after a FIN"][:, 1].tolist() == [-1]
    assert drawn.frames["one below, after a FIN"].tolist() == [98]


@pytest.mark.parametrize("count", [10, 100_000])
def test_thinning_keeps_extremes_and_what_must_be_kept(count: int) -> None:
    generator = np.random.default_rng(1)
    x, y = np.sort(generator.random(count)), generator.random(count)
    keep = np.zeros(count, bool)
    keep[[3, count - 2]] = True
    rows = axes.thinned(x, y, keep, 1000)
    assert len(rows) <= 1000 + 2
    assert {3, count - 2, int(np.argmax(y)), int(np.argmin(y))} <= set(rows.tolist())
    assert np.all(np.diff(rows) > 0)


@pytest.mark.parametrize("kind", FLOW_PLOTS)
@pytest.mark.parametrize("absolute", [False, True])
def test_plot_of_a_flow_is_drawn(office: Report, kind: str, absolute: bool, tmp_path: Path) -> None:
    drawn = files.draw(office, kind, 0, absolute=absolute)
    files.save(drawn, tmp_path / "plot.svg")
    text = (tmp_path / "plot.svg").read_text()
    assert "stream 0" in text, "text stays text"


@pytest.mark.parametrize("kind", CAPTURE_PLOTS)
def test_plot_of_a_capture_is_drawn_and_the_same_each_time(sawtooth: Report, kind: str, tmp_path: Path) -> None:
    for name in ("one.svg", "two.svg"):
        files.save(files.draw(sawtooth, kind, None), tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def test_plots_of_a_capture_without_anything_are_drawn(tmp_path: Path) -> None:
    report = tcpdiag.analyze(OFFICE).where("port 1")
    for kind in ("lifetimes", "findings", "resets"):
        files.save(files.draw(report, kind, None), tmp_path / f"{kind}.png")
        assert (tmp_path / f"{kind}.png").stat().st_size > 1000


def test_plot_goes_on_the_axes_that_it_is_given(office: Report) -> None:
    mine = axes.new_axes()
    assert office.flow(0).plot.rtt(mine) is mine


@pytest.mark.parametrize("extension", files.EXTENSIONS)
def test_command_draws(extension: str, tmp_path: Path) -> None:
    path = tmp_path / f"office{extension}"
    result = CliRunner().invoke(app, ["plot", str(OFFICE), "--flow", "0", "--kind", "rtt", "-o", str(path)])
    assert result.exit_code == 0, result.output
    assert path.stat().st_size > 1000


def test_command_draws_all_of_a_flow(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["plot", str(OFFICE), "--flow", "0", "-o", str(tmp_path / "office.svg")])
    assert result.exit_code == 0, result.output
    assert {path.name for path in tmp_path.iterdir()} == {f"office-{kind}.svg" for kind in FLOW_PLOTS}


@pytest.mark.parametrize(
    "arguments",
    [
        ("--kind", "rtt", "-o", "x.svg"),
        ("--flow", "0", "--kind", "held", "-o", "x.svg"),
        ("--flow", "0", "--kind", "nonsense", "-o", "x.svg"),
        ("--flow", "0", "-o", "x.gif"),
    ],
)
def test_command_refuses_what_makes_no_sense(arguments: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, ["plot", str(OFFICE), *arguments])
    assert isinstance(result.exception, UsageError)


@pytest.mark.parametrize("arguments", [("analyze",), ("flows",), ("timeline", "--all")])
def test_nothing_but_plots_loads_matplotlib_or_pandas(arguments: tuple[str, ...]) -> None:
    code = (
        "import sys; from tcpdiag.cli.app import app; "
        f"app({[arguments[0], str(OFFICE), *arguments[1:]]!r}, standalone_mode=False); "
        "sys.exit(any(name in sys.modules for name in ('matplotlib', 'pandas', 'jinja2')))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT / "src", capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
