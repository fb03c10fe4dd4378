import RefrainFoundation
import Synchronization

/// A program that runs beside this one, with pipes for what it writes.
struct ChildProcess {
  /// What it writes to standard output and to standard error, to be read and closed.
  let (output, errors): (Int32, Int32)
  private let id: pid_t

  /// Starts a program with nothing to read.
  ///
  /// - Throws: `Failure`, with the system's word of why it cannot be started.
  init(_ path: String, _ arguments: [String]) throws(Failure) {
    self = try Self.starting.withLock { (_) throws(Failure) in try Self(alone: path, arguments) }
  }

  /// One starts at a time, so that none inherits the pipes of another, which would keep them open.
  private static let starting = Mutex(())

  private init(alone path: String, _ arguments: [String]) throws(Failure) {
    let output = try Self.pipe()
    let errors: [Int32]
    do { errors = try Self.pipe() } catch {
      for end in output { close(end) }
      throw error
    }
    #if canImport(Darwin)
      var actions: posix_spawn_file_actions_t?
      var attributes: posix_spawnattr_t?
    #else
      var actions = posix_spawn_file_actions_t()
      var attributes = posix_spawnattr_t()
    #endif
    posix_spawn_file_actions_init(&actions)
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, output[1], STDOUT_FILENO)
    posix_spawn_file_actions_adddup2(&actions, errors[1], STDERR_FILENO)
    // What this process ignores it does not.
    posix_spawnattr_init(&attributes)
    var signals = sigset_t()
    sigemptyset(&signals)
    for number in [SIGPIPE, SIGXFSZ] { sigaddset(&signals, number) }
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF))
    let words = ([path] + arguments).map { strdup($0) }
    let environment = ProcessInfo.processInfo.environment.map { strdup("\($0)=\($1)") }
    var id = pid_t()
    var code = posix_spawn(&id, path, &actions, &attributes, words + [nil], environment + [nil])
    // A program that was written a moment ago is busy while another that starts then has a copy of the open file.
    for _ in 0..<100 where code == ETXTBSY {
      usleep(10_000)
      code = posix_spawn(&id, path, &actions, &attributes, words + [nil], environment + [nil])
    }
    for word in words + environment { free(word) }
    posix_spawn_file_actions_destroy(&actions)
    posix_spawnattr_destroy(&attributes)
    for end in [output[1], errors[1]] { close(end) }
    (self.output, self.errors, self.id) = (output[0], errors[0], id)
    guard code == 0 else {
      for end in [output[0], errors[0]] { close(end) }
      throw Failure(code)
    }
  }

  /// The ends to read from and to write to.
  private static func pipe() throws(Failure) -> [Int32] {
    var ends: [Int32] = [-1, -1]
    guard RefrainFoundation.pipe(&ends) == 0 else { throw Failure(errno) }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    return ends
  }

  /// Ends it, whatever it is doing.
  func stop() {
    kill(id, SIGKILL)
    _ = endsWell()
  }

  /// Waits until it has ended, and says whether it did so without an error.
  func endsWell() -> Bool {
    var status: Int32 = 0
    while waitpid(id, &status, 0) < 0 { guard errno == EINTR else { return false } }
    return status == 0
  }

  /// Why a program cannot be started.
  struct Failure: Error, CustomStringConvertible {
    let description: String

    init(_ number: Int32) { description = String(cString: strerror(number)) }
  }
}
