# One image for all: `serve` (web and worker), or one of them by command. Runs on a read-only root file system; writes
# to /data and /tmp only.

FROM node:24-bookworm-slim AS pages
WORKDIR /web
COPY web/package.json web/package-lock.json web/.npmrc ./
RUN npm ci --ignore-scripts
COPY web/ ./
RUN npm run build

FROM python:3.11-slim-bookworm AS packages
COPY requirements.txt /
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes -r /requirements.txt

FROM python:3.11-slim-bookworm
# The number is fixed so that a volume made once stays readable; nothing else on a host has it by accident.
RUN groupadd --gid 10001 broker \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin broker \
    && mkdir /data && chown 10001:10001 /data && chmod 0700 /data
WORKDIR /app
COPY --from=packages /venv /venv
COPY broker/ broker/
COPY web/templates/ web/templates/
COPY --from=pages /web/static/ web/static/
COPY LICENSE ./
# The root file system may be read-only, so Python could not keep its compiled files later.
RUN /venv/bin/python -m compileall -q broker
ENV PATH=/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 DATA_DIR=/data
USER 10001:10001
VOLUME /data
EXPOSE 8080
# A container that runs the worker alone has no web process to ask: start it with --no-healthcheck.
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + (os.environ.get('PORT') or '8080') + '/livez', timeout=4)"]
ENTRYPOINT ["python", "-m", "broker"]
CMD ["serve"]
