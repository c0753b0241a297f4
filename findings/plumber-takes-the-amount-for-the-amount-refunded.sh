#!/usr/bin/env bash
# Expected: a webhook receiver in R with plumber, pr_post("/pay", function(id, amount_refunded = 0, ...) ...), gets the fields of the JSON by their names, and
#   amount_refunded is 0 where the event has none; the rest goes to ... , which its guide recommends in the signature.
# Happens: plumber 1.2.1 (Debian 12) hands the fields to the function as R does, which completes names: {"id":"evt_1","amount":5000} is called with amount_refunded
#   = 5000, a refund of all that was paid, and amount is gone from ... . With "amount_refunded":0 in it, it is right. {"customer":"Ann"} is customer_id,
#   {"paid":true} is paid_at. A query and a form do the same. Without ... in the function, plumber passes on the exact names only, and it is right; and so are
#   names behind the dots, function(id, ..., amount_refunded = 0).
# Means: an endpoint is wrong from the day on which somebody adds ... , and for events in which the optional field is missing, as at most senders, who leave out
#   what is empty. Write the optional ones behind the dots, or take function(req) and req$body[["amount_refunded"]] (with two brackets: $ completes names, too).
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
said <- function(id, refunded, customer, paid, rest = NULL) paste0(id, " refunded ", refunded, " customer ", customer, " paid ", paid, " rest ", paste(setdiff(rest, c("req", "res")), collapse = ","))
dots <- function(id, amount_refunded = 0, customer_id = "none", paid_at = "none", ...) said(id, amount_refunded, customer_id, paid_at, names(list(...)))
none <- function(id, amount_refunded = 0, customer_id = "none", paid_at = "none") said(id, amount_refunded, customer_id, paid_at)
behind <- function(id, ..., amount_refunded = 0, customer_id = "none", paid_at = "none") said(id, amount_refunded, customer_id, paid_at, names(list(...)))
body <- function(req) { get <- function(name, or) if (is.null(req$body[[name]])) or else req$body[[name]]; said(get("id", ""), get("amount_refunded", 0), get("customer_id", "none"), get("paid_at", "none")) }
router <- pr_set_serializer(pr(), serializer_text())
for (name in c("dots", "none", "behind", "body")) router <- pr_post(router, paste0("/", name), get(name))
pr_run(router, host = "127.0.0.1", port = port, quiet = TRUE, docs = FALSE)
E
"$R_HOME/bin/exec/R" --no-echo --vanilla -f t.R >server.log 2>&1 & pid=$!
for _ in $(seq 100); do [ -s port ] && curl -s -o /dev/null "http://127.0.0.1:$(cat port)/" && break; sleep 0.2; done; failed=0
check() { # wanted, path, what curl sends
  local wanted=$1 path=$2 got; shift 2; got=$(curl -s -m 10 "$@" "http://127.0.0.1:$(cat port)/$path"); printf '  %-50s %s\n' "$path" "$got"; [[ $got == "$wanted" ]] || { echo "   changed: expected $wanted"; failed=1; }
}
json=(-H 'Content-Type: application/json' --data-binary)
event='{"id":"evt_1","amount":5000}'; echo "$event"
check "evt_1 refunded 5000 customer none paid none rest " dots "${json[@]}" "$event"
check "evt_1 refunded 0 customer none paid none rest " none "${json[@]}" "$event"
check "evt_1 refunded 0 customer none paid none rest amount" behind "${json[@]}" "$event"
check "evt_1 refunded 0 customer none paid none rest " body "${json[@]}" "$event"
check "evt_1 refunded 5000 customer none paid none rest " dots -d 'id=evt_1&amount=5000'
check "evt_1 refunded 5000 customer none paid none rest " 'dots?id=evt_1&amount=5000' -X POST
event='{"id":"evt_1","amount":5000,"amount_refunded":0}'; echo "$event"
check "evt_1 refunded 0 customer none paid none rest amount" dots "${json[@]}" "$event"
event='{"id":"evt_1","customer":"Ann","paid":true}'; echo "$event"
check "evt_1 refunded 0 customer Ann paid TRUE rest " dots "${json[@]}" "$event"
check "evt_1 refunded 0 customer none paid none rest " none "${json[@]}" "$event"
check "evt_1 refunded 0 customer none paid none rest customer,paid" behind "${json[@]}" "$event"
printf '  lines in the log of the server: %s\n' "$(grep -c . server.log || true)"; [ ! -s server.log ] || { echo "   changed: expected 0"; failed=1; }
exit $failed
