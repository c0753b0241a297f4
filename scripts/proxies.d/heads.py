"""Heads and paths: what is passed on, and as what."""

from bench import PATH, Cell, Concern, status_of
from receiver import TOKEN

HEADS = Concern("Heads")
PATHS = Concern("Paths")

SIZES_KIB = (2, 4, 8, 16, 32, 64)


@HEADS.row
def request_head(bench):
    """Headers of a request in all: what comes through, and the answer to more"""
    passed = 0
    for size in SIZES_KIB:
        lines = [f"X-Long-{n}: {'x' * 480}" for n in range(size * 2)]
        # Not quite so many, for what else stands in the head.
        answer, _ = bench.post_to_origin(*lines[1:])
        if answer.status != 200:
            return f"{passed} KiB, then {status_of(answer)}"
        passed = size
    return f"{passed} KiB or more"


@HEADS.row
def answer_head(bench):
    """Headers of an answer in all: what comes through, and what comes in place of more"""
    passed = 0
    for size in SIZES_KIB:
        answer, _ = bench.post_to_origin(f"X-Do: large {size - 1}")
        if answer.status != 200:
            return f"{passed} KiB, then {status_of(answer)}"
        passed = size
    return f"{passed} KiB or more"


@HEADS.row
def retry_after(bench):
    """503 with `Retry-After: 7`"""
    answer, seen = bench.post_to_origin("X-Do: unavailable")
    after = answer.headers.get("retry-after")
    told = f"as it is; posted {len(seen)} times" if len(seen) > 1 else "as it is"
    return Cell(told if after == "7" else f"{after}", (answer.status, after) == (503, "7"))


@HEADS.row
def request_ids(bench):
    """`X-Request-Id` of the client, and of the answer"""
    answer, seen = bench.post_to_origin("X-Request-Id: of-client")
    found = (seen[0].value("x-request-id"), answer.headers.get("x-request-id"))
    return Cell("both as they are" if found == ("of-client", "of-origin") else str(found), found[1] == "of-origin")


@HEADS.row
def host(bench):
    """`Host` as the receiver sees it"""
    _, seen = bench.post_to_origin(host=f"127.0.0.1:{bench.origin_front.port}")
    value = seen[0].value("host")
    if value == f"127.0.0.1:{bench.origin_front.port}":
        return "as sent"
    return {f"127.0.0.1:{bench.origin.port}": "the receiver's address", "127.0.0.1": "without the port"}.get(value, value)


@HEADS.row
def added(bench):
    """Headers that it adds to a request"""
    _, seen = bench.post_to_origin()
    ours = {"host", "content-type", "content-length", "connection"}
    names = [name for name in seen[0].names() if name not in ours]
    return ", ".join(f"`{name}`" for name in names) or "none"


def _path(bench, path, must_be_stored=True):
    """What of this path arrives, and what the receiver says to a post there."""
    answer, seen = bench.post_to_origin(path=path)
    if not seen:
        return Cell(f"{status_of(answer)}, its own", not must_be_stored)
    arrived = "as sent" if seen[0].path == path else "`" + seen[0].path.replace(TOKEN, "TOKEN") + "`"
    status = bench.post(path=path).status
    return Cell(f"{arrived}; {status}", status == 200 or not must_be_stored)


@PATHS.row
def unreserved(bench):
    """`/webhook/TOKEN`, with all kinds of characters that a token may have"""
    answer, seen = bench.post_to_origin(path=PATH)
    cell = _path(bench, PATH)
    return Cell(cell.text, cell.holds and seen[0].path == PATH)


@PATHS.row
def tilde_at_the_end(bench):
    """A token that ends with `~`"""
    return _path(bench, "/webhook/planted~", must_be_stored=False).text.replace("; 401", "")


@PATHS.row
def encoded_tilde(bench):
    """`%7E` for `~` in it"""
    cell = _path(bench, PATH.replace("~", "%7E"))
    return Cell(cell.text.replace(PATH.replace("~", "%7E"), "as sent"), cell.holds)


@PATHS.row
def doubled_slashes(bench):
    """`//webhook//TOKEN`"""
    return _path(bench, PATH.replace("/", "//"))


@PATHS.row
def slash_at_the_end(bench):
    """`/webhook/TOKEN/`"""
    return _path(bench, PATH + "/")


@PATHS.row
def dots(bench):
    """`/x/../webhook/TOKEN`"""
    return _path(bench, "/x/.." + PATH, must_be_stored=False)


@PATHS.row
def encoded_slash(bench):
    """`/webhook/x%2Fy`"""
    return _path(bench, "/webhook/x%2Fy", must_be_stored=False).text.replace("; 401", "").replace("; 404", "")
