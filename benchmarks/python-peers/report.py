"""Runs every peer in processes of its own, interleaved, and prints the table; with a path, JSON too."""

import http.server
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
from pathlib import Path

OURS, *OTHERS = PEERS = ("continuum", "opentelemetry", "ddtrace")
ROUNDS = int(os.environ.get("ROUNDS", "5"))
SECONDS = os.environ.get("SECONDS_PACED", "10")

DELIVERED = "CPU per delivered span at 10,000 a second"
LOST = "lost of them"

# In a cell of which there is nothing to say.
ABSENT = "–"

# What is measured, in which unit, and the most that it may be: median where there are several samples.
GOALS = {
    "span with 4 attributes": ("ns", 2_000),
    "decorator, sync": ("ns", 1_200),
    "decorator, async": ("ns", 2_500),
    "sampled out, 4 attributes": ("ns", 1_200),
    "trace_recall": ("ns", 3_000),
    "trace_query": ("ns", 3_000),
    "cache operation with hit": ("ns", 3_000),
    "inject with baggage": ("ns", 2_000),
    "extract with baggage": ("ns", 2_000),
    DELIVERED: ("ns", 6_000),
    LOST: ("spans", 0),
}


def run(*arguments):
    command = [sys.executable, "-P", "peers.py", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    if done.returncode:
        print(f"{' '.join(arguments)} failed:\n{done.stderr}", file=sys.stderr)
    return [line.split("\t") for line in done.stdout.splitlines() if "\t" in line]


def hot():
    """Samples by what is measured and by peer."""
    samples = {}
    for number in range(ROUNDS):
        print(f"round {number + 1}", file=sys.stderr)
        for peer in PEERS:
            for name, nanos in run(peer) + run(peer, "unsampled"):
                samples.setdefault(name, {}).setdefault(peer, []).append(float(nanos))
    return samples


def sink(ports, count):
    """Counts the spans that arrive, in a process of its own."""
    import gzip

    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    def otlp(body):
        request = ExportTraceServiceRequest.FromString(body)
        scopes = (scope for resource in request.resource_spans for scope in resource.scope_spans)
        return sum(len(scope.spans) for scope in scopes)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            # As the agent of ddtrace is told; each trace here is one span.
            traces = self.headers.get("X-Datadog-Trace-Count")
            self.answer(200, otlp(body) if traces is None else int(traces))

        do_PUT = do_POST

        def do_GET(self):
            self.answer(404, 0)

        def answer(self, status, spans):
            with count.get_lock():
                count.value += spans
            self.send_response(status)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    ports.put(server.server_port)
    server.serve_forever()


def paced(peer):
    """Nanoseconds of CPU for each span that arrived, if any did, and how many did not."""
    context = multiprocessing.get_context("spawn")
    ports, count = context.Queue(), context.Value("q", 0)
    process = context.Process(target=sink, args=(ports, count), daemon=True)
    process.start()
    try:
        ((spans, micros),) = run(peer, f"http://127.0.0.1:{ports.get()}", SECONDS)
    finally:
        process.terminate()
    nanos = [1_000 * float(micros) / count.value] if count.value else []
    return nanos, [int(spans) - count.value]


def delivered():
    samples = {DELIVERED: {}, LOST: {}}
    for peer in PEERS:
        samples[DELIVERED][peer], samples[LOST][peer] = paced(peer)
    return samples


def rows(samples):
    """What the table says, as data."""
    return [row(name, of_peers) for name, of_peers in samples.items()]


def row(name, of_peers):
    unit, goal = GOALS[name]
    peers = {peer: spread(found) for peer, found in of_peers.items() if found}
    ours = peers[OURS]["median"] if OURS in peers else None
    ratios = {
        peer: peers[peer]["median"] / ours
        for peer in OTHERS
        if unit == "ns" and ours and peer in peers
    }
    met = ours is not None and ours <= goal
    return {"what": name, "unit": unit, "peers": peers, "ratios": ratios, "goal": goal, "met": met}


def spread(samples):
    samples = sorted(samples)
    return {"p10": samples[len(samples) // 10], "median": statistics.median(samples)}


def table(rows):
    heads = [*PEERS, *(f"{peer} / {OURS}" for peer in OTHERS), "goal", "met"]
    yield f"| p10 / median | {' | '.join(heads)} |"
    yield "|---" * (len(heads) + 1) + "|"
    for found in rows:
        unit = found["unit"]
        cells = [cell(found["peers"].get(peer), unit) for peer in PEERS]
        ratios = [found["ratios"].get(peer) for peer in OTHERS]
        cells += [ABSENT if ratio is None else f"{ratio:.1f}" for ratio in ratios]
        cells += [f"<= {found['goal']:,} {unit}", "yes" if found["met"] else "no"]
        yield f"| {found['what']} | {' | '.join(cells)} |"


def cell(found, unit):
    if found is None:
        return ABSENT
    texts = dict.fromkeys(f"{found[which]:,.0f}" for which in ("p10", "median"))
    return f"{' / '.join(texts)} {unit}"


def main(path=None):
    found = rows(hot() | delivered())
    print(*table(found), sep="\n")
    if path is not None:
        Path(path).write_text(json.dumps({"rounds": ROUNDS, "rows": found}, indent=1) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
