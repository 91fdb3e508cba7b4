# What the project needs, for setup.sh, doctor.sh and the tests. Read in the repository's top folder.
kernel_version=0.22.0
python_version=3.11
rust_version=1.95  # what the kernel is built with; the crate alone asks for less, see Cargo.toml

# Is the version $1 at least $2? Both are MAJOR.MINOR with anything after.
at_least() {
    local major minor wanted_major wanted_minor rest
    IFS=. read -r major minor rest <<< "$1."
    IFS=. read -r wanted_major wanted_minor rest <<< "$2."
    [ "$major" -gt "$wanted_major" ] || { [ "$major" -eq "$wanted_major" ] && [ "$minor" -ge "$wanted_minor" ]; }
}
