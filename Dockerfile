# The image of one replica, on Node.js (default) or on Deno (--target deno).
#
# It holds JavaScript that tsc made, rather than TypeScript: so it needs neither tsx nor a compiler, starts
# without translating anything, and its types have been checked once more. The files lie as they do in the
# source tree, so that what is read at run time (package.json, pages, node_modules) is found in the same places.

ARG NODE_IMAGE=node:24-bookworm-slim
ARG DENO_IMAGE=denoland/deno:2.9.6

# What production needs: no compiler, no test tools, and nothing of what `npm start` needs on a laptop.
# Type declarations, source maps and notes are half of it, and nobody reads them here.
FROM ${NODE_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev --ignore-scripts --no-audit --no-fund \
  && find node_modules -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' \
    -o -name '*.md' \) -delete

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN --mount=type=cache,target=/root/.npm npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src src
# Only what main.ts and initiate.ts lead to is compiled; what is not TypeScript (pages) is copied as it is.
RUN node_modules/.bin/tsc -p tsconfig.build.json \
  && find src -type f ! -name '*.ts' -exec cp --parents '{}' dist \;

FROM ${DENO_IMAGE} AS deno
ARG REVISION=unknown
LABEL org.opencontainers.image.title="hascheduler" \
  org.opencontainers.image.description="A highly available distributed job scheduler (on Deno)" \
  org.opencontainers.image.licenses="MIT" \
  org.opencontainers.image.revision="${REVISION}"
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist ./
# A container's network is its own: within it, every address is meant.
ENV HOST=0.0.0.0 DENO_DIR=/deno-dir DENO_NO_UPDATE_CHECK=1
USER 10001:10001
EXPOSE 8080
ENTRYPOINT ["deno", "run", "--no-check", "--no-lock", "--node-modules-dir=manual", \
  "--allow-net", "--allow-env", "--allow-sys", "--allow-read"]
CMD ["src/main.js"]

FROM ${NODE_IMAGE} AS node
ARG REVISION=unknown
LABEL org.opencontainers.image.title="hascheduler" \
  org.opencontainers.image.description="A highly available distributed job scheduler" \
  org.opencontainers.image.licenses="MIT" \
  org.opencontainers.image.revision="${REVISION}"
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist ./
ENV NODE_ENV=production HOST=0.0.0.0
# By number, so that Kubernetes can tell that it is not root. Nobody's uid on the node.
USER 10001:10001
EXPOSE 8080
# No shell in between: the replica itself is process 1, and gets SIGTERM.
ENTRYPOINT ["node"]
CMD ["src/main.js"]
