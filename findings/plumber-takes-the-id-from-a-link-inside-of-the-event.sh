#!/usr/bin/env bash
# Expected: a webhook receiver in R with plumber, pr_post("/event", function(req, id, type) ...), reads a CloudEvent as it reads application/json, or gives no id
#   where it does not know the content type; its help lists which types its parsers are for.
# Happens: plumber 1.2.1 (Debian 12): a body of any type that it does not know is parsed as a form, so application/cloudevents+json, application/vnd.api+json,
#   application/ld+json and application/x-ndjson are split at each & and =. Of a link inside of the event, https://shop.example/o?ref=mail&id=42&lang=en, it takes
#   42 for the id, where the event says "id":"evt_1", and answers 200. An event without & and = has no fields at all, and 200. Nothing is logged; application/json
#   with the same body is right.
# Means: events with a link of a shop in it, in the tracking of parcels or in mails, are stored under the id of something else, and different events under one.
#   Read it yourself, jsonlite::fromJSON(req$postBody), or register_parser("anyjson", parser_json, regex = "[+]json$") and name it with the other parsers.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); pid=; trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; for tool in apt-get curl; do command -v $tool >/dev/null || { echo "needs Debian 12 (apt-get) and curl"; exit 2; }; done
apt-get download -qq r-base-core libblas3 liblapack3 libgfortran5 libquadmath0 libgomp1 libicu72 libreadline8 libtirpc3 libdeflate0 libstdc++6 \
  r-cran-plumber \
  r-cran-r6 r-cran-stringi r-cran-jsonlite r-cran-webutils r-cran-httpuv r-cran-crayon r-cran-promises r-cran-sodium r-cran-swagger r-cran-magrittr r-cran-mime r-cran-lifecycle \
  r-cran-rlang r-cran-ellipsis r-cran-later r-cran-rcpp r-cran-curl libuv1 libsodium23 libssl3 >apt.log 2>&1 || { cat apt.log; exit 2; }
dpkg -f r-cran-plumber_* Package Version | xargs; [[ $(dpkg -f r-cran-plumber_* Version) == 1.2.1* ]] || { echo "   changed: expected plumber 1.2.1"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done
export R_HOME=$dir/root/usr/lib/R R_LIBS=$dir/root/usr/lib/R/site-library R_DEFAULT_PACKAGES=utils,stats,methods TZ=UTC LC_ALL=C.UTF-8 R_SHARE_DIR=$dir/root/usr/share/R/share
export LD_LIBRARY_PATH=$R_HOME/lib:$dir/root/usr/lib/x86_64-linux-gnu:$dir/root/usr/lib/x86_64-linux-gnu/blas:$dir/root/usr/lib/x86_64-linux-gnu/lapack
rm "$R_HOME/etc/Renviron"; cp "$R_HOME/etc/Renviron.ucf" "$R_HOME/etc/Renviron"
cat > t.R <<'E'
suppressMessages(library(plumber)); port <- httpuv::randomPort(host = "127.0.0.1"); writeLines(as.character(port), "port.new"); file.rename("port.new", "port") -> done
register_parser("anyjson", parser_json, regex = "[+]json$")
event <- function(req, id = "none", type = "none", amount = "none") paste(id, type, amount)
own <- function(req) { event <- jsonlite::fromJSON(req$postBody); paste(event$id, event$type, event$amount) }
router <- pr_set_serializer(pr(), serializer_text()); router <- pr_post(router, "/event", event); router <- pr_post(router, "/own", own)
router <- pr_post(router, "/registered", event, parsers = c("json", "form", "text", "octet", "multi", "anyjson"))
pr_run(router, host = "127.0.0.1", port = port, quiet = TRUE, docs = FALSE)
E
"$R_HOME/bin/exec/R" --no-echo --vanilla -f t.R >server.log 2>&1 & pid=$!
for _ in $(seq 100); do [ -s port ] && curl -s -o /dev/null "http://127.0.0.1:$(cat port)/" && break; sleep 0.2; done; failed=0
link='{"id":"evt_1","type":"order.paid","amount":500,"data":{"link":"https://shop.example/o?ref=mail&id=42&lang=en"}}'
other='{"id":"evt_2","type":"order.paid","amount":700,"data":{"link":"https://shop.example/o?ref=mail&id=42&lang=de"}}'
sum='{"id":"evt_3","type":"order.paid","amount":900,"data":{"pay":"https://bank.example/pay?amount=1&type=test&to=x"}}'
plain='{"id":"evt_4","type":"order.paid","amount":100,"data":{}}'
check() { # wanted, path, type, body
  local got; got=$(curl -s -m 10 -w ' %{http_code}' -H "Content-Type: $3" --data-binary "$4" "http://127.0.0.1:$(cat port)/$2"); printf '  %-12s %-46s %s\n' "$2" "$3" "$got"
  [[ $got == "$1" ]] || { echo "   changed: expected $1"; failed=1; }
}
echo "$link"
check "evt_1 order.paid 500 200" event application/json "$link"; check "evt_1 order.paid 500 200" event 'application/json; charset=utf-8' "$link"
for type in application/cloudevents+json 'application/cloudevents+json; charset=utf-8' application/vnd.api+json application/ld+json application/x-ndjson; do check "42 none none 200" event "$type" "$link"; done
check "evt_1 order.paid 500 200" own application/cloudevents+json "$link"; check "evt_1 order.paid 500 200" registered application/cloudevents+json "$link"
echo "$other"; check "evt_2 order.paid 700 200" event application/json "$other"; check "42 none none 200" event application/cloudevents+json "$other"
echo "$sum"; check "evt_3 order.paid 900 200" event application/json "$sum"; check "none test none 200" event application/cloudevents+json "$sum"
echo "$plain"; check "evt_4 order.paid 100 200" event application/json "$plain"; check "none none none 200" event application/cloudevents+json "$plain"
printf '  lines in the log of the server: %s\n' "$(grep -c . server.log || true)"; [ ! -s server.log ] || { echo "   changed: expected 0"; failed=1; }
exit $failed
