FROM rust:1.95-bookworm AS build
WORKDIR /src

# The dependencies, in a layer that stays valid while only the code of the workspace changes.
COPY .cargo .cargo
COPY Cargo.toml Cargo.lock ./
COPY crates/scim-core/Cargo.toml crates/scim-core/
COPY crates/scim-doctor/Cargo.toml crates/scim-doctor/
RUN for package in . crates/*; do mkdir $package/src && touch $package/src/lib.rs; done \
    && for package in . crates/scim-doctor; do echo 'fn main() {}' > $package/src/main.rs; done \
    && cargo build --release --locked --bin scimd \
    && rm -r src crates/*/src

COPY . .
# The commit in `scimd --version`: --build-arg BUILD_COMMIT=$(git rev-parse HEAD). The build has no .git.
ARG BUILD_COMMIT
# Copied files keep their times, which may be older than the build above: Cargo would consider that build current.
RUN touch src/main.rs src/lib.rs crates/*/src/lib.rs \
    && cargo build --release --locked --bin scimd

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 scimd \
    && useradd --uid 10001 --gid scimd --home-dir /data --no-create-home --shell /usr/sbin/nologin scimd \
    && install -d -o scimd -g scimd -m 0700 /data
COPY --from=build /src/target/release/scimd /usr/local/bin/scimd

# By number, so that an orchestrator can verify that it is not root.
USER 10001:10001
# Variables instead of options, so that they apply to every command in the container. Without a certificate a proxy
# terminates TLS: the port then serves plain HTTP and must not be reachable from outside.
ENV SCIMD_DATA_DIR=/data \
    SCIMD_SERVER__LISTEN=0.0.0.0:8080 \
    SCIMD_SERVER__BEHIND_PROXY=true
VOLUME /data
EXPOSE 8080
# Requests /readyz with the configuration of the server, with TLS if it has a certificate.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["scimd", "health"]
ENTRYPOINT ["scimd"]
CMD ["serve"]
