#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Standard error, where progress is shown: standard output is for results.
enum StandardError {
  /// Whether somebody looks at it in a terminal.
  static var isTerminal: Bool { isatty(2) != 0 }

  /// How many characters a line has; 80 where that is not known.
  static var columns: Int {
    var size = winsize()
    return ioctl(2, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
  }

  static func write(_ text: String) {
    var text = text
    text.withUTF8 { bytes in
      var rest = UnsafeRawBufferPointer(bytes)
      while let start = rest.baseAddress, !rest.isEmpty {
        #if canImport(Glibc)
          let written = Glibc.write(2, start, rest.count)
        #elseif canImport(Musl)
          let written = Musl.write(2, start, rest.count)
        #elseif canImport(Darwin)
          let written = Darwin.write(2, start, rest.count)
        #endif
        guard written > 0 else { return }
        rest = UnsafeRawBufferPointer(rebasing: rest[written...])
      }
    }
  }
}
