# A static program and nothing else:
#
#     docker build -t wsbench .
#     docker run --rm -p 9001:9001 -p 127.0.0.1:9101:9101 --ulimit nofile=1048576 wsbench
#     docker run --rm --network host wsbench run scenarios/iot.yaml --target ws://127.0.0.1:9001
#
# musl's allocator is slower than glibc's: measure the limits of a server with a native build.
FROM docker.io/library/rust:1.95-alpine AS build
RUN apk add --no-cache musl-dev ca-certificates
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY src src
RUN cargo build --release --locked --bin wsbench

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /src/target/release/wsbench /wsbench
COPY scenarios /scenarios
USER 65534:65534
# Outside of a container the default is this machine alone.
ENV WSBENCH_LISTEN=0.0.0.0:9001 WSBENCH_HEALTH_LISTEN=0.0.0.0:9101 WSBENCH_LOG=info WSBENCH_LOG_FORMAT=json
EXPOSE 9001 9101
# The server is process 1: it handles SIGTERM itself and starts no shell.
ENTRYPOINT ["/wsbench"]
CMD ["serve"]
