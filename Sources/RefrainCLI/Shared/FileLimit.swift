import RefrainFoundation

/// Lets the process have as many files open as the system allows: each connection of a server is one, and each long
/// column of a table.
func raiseFileLimit() {
  var limit = rlimit()
  #if os(Linux)
    let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
  #else
    let kind = RLIMIT_NOFILE
  #endif
  guard getrlimit(kind, &limit) == 0 else { return }
  limit.rlim_cur = min(limit.rlim_max, 65_536)
  _ = setrlimit(kind, &limit)
}
