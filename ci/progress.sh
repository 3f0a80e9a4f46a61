# Sourced by the scripts of ci/: building with progress that stays readable in a log.

# build_targets BUILD_DIRECTORY LOG TARGET...: builds and shows how far it is every fifty steps; what the compiler said is shown
# if it fails, and LOG has all of it.
build_targets() {
  local -r directory=$1 log=$2
  shift 2
  if NINJA_STATUS='[%f/%t] ' cmake --build "$directory" --target "$@" 2>&1 | tee "$log" |
    awk '/^\[[0-9]+\/[0-9]+\]/ { split(substr($1, 2), n, "/"); t = n[2] + 0
           if (n[1] == t || (n[1] > 0 && n[1] % 50 == 0)) { print "  " $1; fflush() } }'; then
    return 0
  fi
  grep -aE -A12 'error:|FAILED:|undefined reference' "$log" | head -60
  return 1
}

# configure PRESET LOG
configure() {
  cmake --preset "$1" >"$2" 2>&1 && return 0
  tail -n 30 "$2"
  return 1
}
