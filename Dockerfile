# Two stages: the first builds, the second holds the program and nothing to run but it.

FROM docker.io/library/rust:1-slim-bookworm AS build
WORKDIR /build
# For Kafka's library, which is C, wants a C++ compiler for its configuration, and speaks TLS by OpenSSL, of which the base of
# the second stage has the library.
RUN apt-get update \
    && apt-get install -y --no-install-recommends g++ libssl-dev make pkg-config \
    && rm -rf /var/lib/apt/lists/*
# Dependencies first, built against empty targets: this layer is kept until Cargo.toml or Cargo.lock changes.
COPY Cargo.toml Cargo.lock ./
RUN mkdir -p src/bin/caigunn-webhook tests/it benches/delivery benches/ingest \
    && touch src/lib.rs tests/it/main.rs \
    && echo 'fn main() {}' | tee src/bin/caigunn-webhook/main.rs benches/delivery/main.rs benches/ingest/main.rs > benches/store.rs \
    && cargo build --profile dist --locked --features kafka --bin caigunn-webhook
COPY migrations migrations
COPY docs/openapi.json docs/openapi.json
COPY config config
COPY src src
# The copied files may be older than the empty ones; cargo goes by time.
RUN touch src/lib.rs src/bin/caigunn-webhook/main.rs \
    && cargo build --profile dist --locked --features kafka --bin caigunn-webhook \
    && mkdir -p /image/usr/local/bin \
    && mkdir -m 700 /image/data \
    && cp target/dist/caigunn-webhook /image/usr/local/bin/

FROM gcr.io/distroless/cc-debian12:nonroot
LABEL org.opencontainers.image.title="caigunn-webhook" \
      org.opencontainers.image.description="A webhook receiver for the CaiGunn chatbot platform: every notification on disk before it is answered" \
      org.opencontainers.image.licenses="Apache-2.0"
# /data must belong to the user, and be closed to others, so that a new volume is too.
COPY --from=build --chown=65532:65532 /image /
# A file and no variables: those would beat a file of settings that is mounted.
COPY config/image.toml /etc/caigunn-webhook/image.toml
ENV CAIGUNN_DEFAULTS=/etc/caigunn-webhook/image.toml
USER 65532:65532
WORKDIR /data
VOLUME /data
EXPOSE 8080 9090
STOPSIGNAL SIGTERM
# It has started once it is ready: an update of the inbox's tables may take long.
HEALTHCHECK --interval=10s --timeout=5s --start-period=1h --retries=3 CMD ["/usr/local/bin/caigunn-webhook", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/caigunn-webhook"]
