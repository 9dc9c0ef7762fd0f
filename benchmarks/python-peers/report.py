"""Runs every peer in processes of its own, interleaved, and prints the table."""

import http.server
import multiprocessing
import os
import statistics
import subprocess
import sys

PEERS = ("continuum", "opentelemetry", "ddtrace")
ROUNDS = int(os.environ.get("ROUNDS", "5"))
SECONDS = os.environ.get("SECONDS_PACED", "10")


def run(*arguments):
    command = [sys.executable, "-P", "peers.py", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    if done.returncode:
        print(f"{' '.join(arguments)} failed:\n{done.stderr}", file=sys.stderr)
    return [line.split("\t") for line in done.stdout.splitlines() if "\t" in line]


def hot():
    samples = {}
    for number in range(ROUNDS):
        print(f"round {number + 1}", file=sys.stderr)
        for peer in PEERS:
            for name, nanos in run(peer) + run(peer, "unsampled"):
                samples.setdefault(name, {}).setdefault(peer, []).append(float(nanos))
    return samples


def cell(samples):
    if not samples:
        return "–"
    samples = sorted(samples)
    return f"{samples[len(samples) // 10]:,.0f} / {statistics.median(samples):,.0f}"


def sink(ports, count):
    """Counts the spans that arrive, in a process of its own."""
    import gzip

    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            request = ExportTraceServiceRequest.FromString(body)
            with count.get_lock():
                count.value += sum(
                    len(scope.spans)
                    for resource in request.resource_spans
                    for scope in resource.scope_spans
                )
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    ports.put(server.server_port)
    server.serve_forever()


def paced(peer):
    context = multiprocessing.get_context("spawn")
    ports, count = context.Queue(), context.Value("q", 0)
    process = context.Process(target=sink, args=(ports, count), daemon=True)
    process.start()
    try:
        ((spans, micros),) = run(peer, f"http://127.0.0.1:{ports.get()}", SECONDS)
    finally:
        process.terminate()
    lost = 1 - count.value / int(spans)
    return f"{float(micros) / max(count.value, 1):.1f} µs; {lost:.1%} lost"


def main():
    samples = hot()
    print(f"| ns, p10 / median | {' | '.join(PEERS)} |")
    print("|---" * (len(PEERS) + 1) + "|")
    for name, of_peers in samples.items():
        print(f"| {name} | {' | '.join(cell(of_peers.get(peer)) for peer in PEERS)} |")
    delivered = [paced(peer) if peer != "ddtrace" else "–" for peer in PEERS]
    print(f"| CPU per delivered span at 10,000 a second | {' | '.join(delivered)} |")


if __name__ == "__main__":
    main()
