# JupyterLab on the notebooks, for an ordinary user, with all done that `make setup` does: the first figure comes as fast as
# at home. Binder gives its own NB_USER and NB_UID, and starts `jupyter` itself.
#
#     docker build --tag zero-init . && docker run --rm --publish 127.0.0.1:8888:8888 zero-init
FROM rust:1.95.0-slim-trixie

RUN apt-get update && \
    apt-get install --yes --no-install-recommends ca-certificates git make procps python3 python3-venv && \
    rm -rf /var/lib/apt/lists/*

ARG NB_USER=reader
ARG NB_UID=1000
RUN useradd --create-home --uid $NB_UID $NB_USER
USER $NB_USER
ENV HOME=/home/$NB_USER
WORKDIR $HOME/zero-init
COPY --chown=$NB_UID . .

# A prebuilt kernel is taken if its sum is given here or in tools/kernel.sha256; else it is built, which takes minutes.
ARG KERNEL_SHA256=
RUN make setup && rm -rf $HOME/.cache

# For who starts `jupyter` and not `make lab`. JupyterLab shows figures only in notebooks that it trusts.
ENV PATH=$HOME/zero-init/.venv/bin:$PATH
RUN jupyter trust notebooks/*.ipynb

EXPOSE 8888
CMD ["make", "lab", "ARGS=--no-browser --ip=0.0.0.0"]
