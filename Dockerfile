# syntax=docker/dockerfile:1
# The engine as an image: versions from the lock, nothing that only tests need, and no root.
FROM python:3.12.11-slim-bookworm AS build
WORKDIR /build
COPY requirements.lock ./
# The lock holds tests' tools too: as a constraint it gives versions to what is needed, and installs nothing else.
RUN sed -E '/^ +--hash/d; s/ *\\$//' requirements.lock > constraints.txt
ENV PIP_CONSTRAINT=/build/constraints.txt PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/tapesh
COPY pyproject.toml README.md LICENSE ./
COPY events ./events
COPY metrics ./metrics
COPY streams ./streams
RUN /opt/tapesh/bin/pip install .

FROM python:3.12.11-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /var/lib/tapesh --create-home tapesh
COPY --from=build /opt/tapesh /opt/tapesh
ENV PATH=/opt/tapesh/bin:$PATH PYTHONUNBUFFERED=1 TAPESH_DATA_DIR=/var/lib/tapesh TAPESH_WEB__HOST=0.0.0.0
USER tapesh
WORKDIR /var/lib/tapesh
VOLUME /var/lib/tapesh
EXPOSE 6066
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:6066/health', timeout=4)"]
ENTRYPOINT ["tapesh"]
CMD ["worker"]
