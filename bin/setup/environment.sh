# Sourced by each command in bin/, which has put its own path, links resolved, into `self`.
# A complete environment costs no second Python: two files are compared and the command runs.

root=${self%/bin/*}
setup=$root/bin/setup
venv=$root/.venv

export PYTHONPATH="$root" # with -P below: our modules first, never those of the caller's folder
unset PYTHONHOME

# start run|check ARGUMENT...: hand the arguments to the environment's Python, made first if need be.
start() {
    layer=$1
    shift
    if is_complete "$layer"; then
        exec "$venv/bin/python" -P "$@"
    fi
    find_python
    exec "$python" -I "$setup/environment.py" "$layer" "$@"
}

# A stamp is a copy of all that the set-up read, so what changed since then differs.
is_complete() {
    [ -x "$venv/bin/python" ] || return 1
    cat "$root/requirements.txt" "$setup/constraints.txt" |
        cmp -s - "$venv/complete-run" || return 1
    [ "$1" = run ] && return
    cat "$setup/requirements-check.txt" "$setup/constraints.txt" | cmp -s - "$venv/complete-check"
}

# Python 2 must be able to read it too.
probe='import sys
version = "%d.%d.%d" % sys.version_info[:3]
try:
    import ensurepip, venv
    print(version + (" ready" if sys.version_info >= (3, 11) else ""))
except ImportError:
    print(version + " without venv")'

find_python() {
    found=
    for python in python3.11 python3.12 python3.13 python3.14 python3 python; do
        answer=$("$python" -c "$probe" 2>/dev/null) || continue
        case $answer in
            *ready) return ;;
        esac
        found="$found, $python $answer"
    done
    found=${found#, }
    echo "PlasmaTrader needs Python 3.11 or newer with its venv module; found ${found:-none}." \
        "Install it from your package manager or python.org, then run this again." >&2
    exit 2
}
