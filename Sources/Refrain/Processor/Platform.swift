#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The value of an environment variable, or nil when it is not set.
func environmentVariable(_ name: String) -> String? {
  getenv(name).map { String(cString: $0) }
}

/// Seconds on a clock that never goes back.
func monotonicSeconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + 1e-9 * Double(time.tv_nsec)
}

/// Lets another thread run on this processor, if one waits for it.
func yieldProcessor() { _ = sched_yield() }

/// The text of a small file, such as one in which the system says something; nil where there is none.
func textFile(_ path: String) -> String? {
  guard let file = fopen(path, "re") else { return nil }
  defer { fclose(file) }
  var bytes: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 4096)
  while case let count = fread(&buffer, 1, buffer.count, file), count > 0 { bytes += buffer[..<count] }
  return String(decoding: bytes, as: UTF8.self)
}

/// A block of memory that ``free`` gives back; nil where there is none.
func alignedBlock(bytes: Int) -> UnsafeMutableRawPointer? {
  var block: UnsafeMutableRawPointer?
  return posix_memalign(&block, 64, bytes) == 0 ? block : nil
}

/// The most address space that the process may take, in bytes; nil where nothing limits it.
func addressSpaceLimit() -> Int? {
  var limit = rlimit()
  #if canImport(Glibc)
    let isKnown = getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0
  #else
    let isKnown = getrlimit(RLIMIT_AS, &limit) == 0
  #endif
  let bytes = Int(clamping: limit.rlim_cur)
  return isKnown && bytes < .max ? bytes : nil
}

/// Ends the process with one line on standard error, where nothing can be thrown to whom it concerns.
func stop(_ line: String, status: Int32) -> Never {
  let bytes = Array((line + "\n").utf8)
  _ = bytes.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
  // Other threads go on until then: nothing is taken down that they use.
  fflush(nil)
  _exit(status)
}
