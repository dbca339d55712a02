# One image for operator, worker and command line. Docker and buildah build it:
#   docker build -t lockkeeper .
#   buildah bud -t lockkeeper .
# BASE is any Debian with Node 24.
ARG BASE=node:24-bookworm-slim

FROM ${BASE} AS build
WORKDIR /opt/lockkeeper
COPY package.json package-lock.json ./
# The package zookeeper is compiled at its installation.
RUN if grep -q '"node_modules/zookeeper"' package-lock.json && ! command -v g++ make python3 >/dev/null; then \
      apt-get update && apt-get install -y --no-install-recommends g++ make python3; \
    fi
# With the headers of this very Node, and sockets that no child process inherits (docs/decisions/0020-close-on-exec.md).
# What only people and compilers read is left out, licences stay.
RUN npm_config_nodedir=/usr/local CPPFLAGS=-DSOCK_CLOEXEC_ENABLED npm ci --omit=dev --no-audit --no-fund \
 && find node_modules -type f \( -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' -o -name '*.map' -o -name '*.md' \) -delete \
 && rm -rf node_modules/zookeeper/deps node_modules/zookeeper/src node_modules/zookeeper/build/Release/obj*
COPY . .

FROM ${BASE}
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="lockkeeper" \
      org.opencontainers.image.description="MySQL sync clusters on Kubernetes: operator, worker and command line" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /opt/lockkeeper /opt/lockkeeper
# Starting is mostly compiling: what the commands need is compiled here, by this user and with that flag of bin/lockkeeper without
# which Node would not use it. Nothing is written later, so the root file system can be read-only.
ENV NODE_ENV=production \
    NODE_COMPILE_CACHE=/opt/lockkeeper-compile-cache \
    PATH=/opt/lockkeeper/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
RUN install -d -o 65532 -g 65532 "$NODE_COMPILE_CACHE"
# By number, so that Kubernetes can see that it is not root.
USER 65532:65532
RUN for main in worker/cli/worker.ts worker/cli/run.ts worker/cli/check.ts worker/cli/status.ts operator/process/operator.ts bin/arguments.ts; do \
      node --heap-growing-percent=75 --input-type=module --eval "await import('/opt/lockkeeper/$main'); process.exit(0)"; \
    done
WORKDIR /tmp
EXPOSE 9190
ENTRYPOINT ["/opt/lockkeeper/bin/lockkeeper"]
CMD ["--help"]
