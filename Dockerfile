# Two stages: the first builds, the second holds the program and nothing to run but it.

FROM docker.io/library/rust:1-slim-bookworm AS build
WORKDIR /build
# Dependencies first, built against empty targets: this layer is kept until Cargo.toml or Cargo.lock changes.
COPY Cargo.toml Cargo.lock ./
RUN mkdir -p src/bin/caigunn-webhook tests/it benches/ingest \
    && touch src/lib.rs tests/it/main.rs \
    && echo 'fn main() {}' | tee src/bin/caigunn-webhook/main.rs benches/ingest/main.rs > benches/store.rs \
    && cargo build --release --locked --bin caigunn-webhook
COPY migrations migrations
COPY config config
COPY src src
# The copied files may be older than the empty ones; cargo goes by time.
RUN touch src/lib.rs src/bin/caigunn-webhook/main.rs \
    && cargo build --release --locked --bin caigunn-webhook \
    && mkdir -p /image/usr/local/bin \
    && mkdir -m 700 /image/data \
    && cp target/release/caigunn-webhook /image/usr/local/bin/

FROM gcr.io/distroless/cc-debian12:nonroot
LABEL org.opencontainers.image.title="caigunn-webhook" \
      org.opencontainers.image.description="A webhook receiver for the CaiGunn chatbot platform: every notification on disk before it is answered" \
      org.opencontainers.image.licenses="Apache-2.0"
# /data must belong to the user, and be closed to others, so that a new volume is too.
COPY --from=build --chown=65532:65532 /image /
ENV CAIGUNN_LISTEN=0.0.0.0:8080 \
    CAIGUNN_ADMIN_LISTEN=0.0.0.0:9090 \
    CAIGUNN_INBOX_URL=sqlite:/data/inbox.db
USER 65532:65532
WORKDIR /data
VOLUME /data
EXPOSE 8080 9090
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s --retries=3 CMD ["/usr/local/bin/caigunn-webhook", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/caigunn-webhook"]
