# Varnish in front of a receiver: /etc/varnish/default.vcl. It does not end TLS: put Hitch or another proxy before it.
# Yours are the addresses. Lines that begin with `#2` are for a second receiver on the same database (docs/scaling.md).
#
# The token is in the path. Debian starts a service that writes an access log: systemctl disable --now varnishncsa. And the
# log in memory is a file below /var/lib/varnish: give varnishd the option -p vsl_mask=-ReqURL,-BereqURL.

vcl 4.1;

import directors;
import std;

probe readyz {
    .url = "/readyz";
    .interval = 500ms;
    .timeout = 2s;
    .window = 1;
    .threshold = 1;
    .initial = 1;
}

backend receiver_1 {
    .host = "127.0.0.1";
    .port = "8080";
    .probe = readyz;
    .connect_timeout = 1s;
    # More than twice inbox.append_timeout_seconds, the longest that a receiver takes to answer.
    .first_byte_timeout = 10s;
}
#2 backend receiver_2 {
#2    .host = "127.0.0.1";
#2    .port = "8081";
#2    .probe = readyz;
#2    .connect_timeout = 1s;
#2    .first_byte_timeout = 10s;
#2 }

sub vcl_init {
    # The first that is ready, and for what is sent again the other order.
    new receivers = directors.fallback();
    receivers.add_backend(receiver_1);
#2  receivers.add_backend(receiver_2);
    new others = directors.fallback();
#2  others.add_backend(receiver_2);
    others.add_backend(receiver_1);
}

sub vcl_recv {
    set req.backend_hint = receivers.backend();
    # Kept, so that it can be sent again. One that is over server.body_limit_bytes must not be: it would get no answer.
    if (std.integer(req.http.Content-Length, 8388609) <= 8388608) {
        std.cache_req_body(8MB);
    }
    return (pass);
}

sub vcl_backend_fetch {
    if (bereq.retries > 0) {
        set bereq.backend = others.backend();
    }
}

sub vcl_backend_error {
    # Also a POST is sent again, to the other one or on a new connection: the receiver knows a repeat.
    if (bereq.retries == 0) {
        return (retry);
    }
}
