import Logging
import RefrainData
import RefrainFoundation
import Synchronization

/// Writes each entry of the log as a line of JSON, to standard error.
struct LineLog: LogHandler {
  var metadata: Logger.Metadata = [:]
  var logLevel = Logger.Level.info
  /// Where lines go.
  let write: @Sendable (String) -> Void

  init(write: @escaping @Sendable (String) -> Void = LineLog.standardError) { self.write = write }

  /// Writes a line whole, unless nobody can take it any more.
  @Sendable static func standardError(_ line: String) {
    var text = line
    text.withUTF8 { bytes in
      var done = 0
      while done < bytes.count {
        let count = RefrainFoundation.write(STDERR_FILENO, bytes.baseAddress! + done, bytes.count - done)
        if count < 0 && errno == EINTR { continue }
        guard count > 0 else { return }
        done += count
      }
    }
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    var line =
      "{\"time\":\"\(Self.time(Date().timeIntervalSince1970))\",\"level\":\"\(event.level.rawValue)\",\"message\":"
    line += jsonText(event.message.description)
    let own = event.metadata ?? [:]
    let all = metadata.isEmpty ? own : metadata.merging(own, uniquingKeysWith: { $1 })
    for (key, value) in all.sorted(by: { $0.key < $1.key }) {
      line += ",\(jsonText(key)):"
      // Most are texts.
      if case .string(let text) = value { line += jsonText(text) } else { line += Self.json(value).line }
    }
    if let error = event.error { line += ",\"error\":" + jsonText("\(error)") }
    write(line + "}\n")
  }

  private static func json(_ value: Logger.Metadata.Value) -> JSON {
    switch value {
    case .string(let text): .text(text)
    case .stringConvertible(let value):
      switch value {
      case let value as Int: .integer(value)
      case let value as Double: .number(value)
      default: .text(value.description)
      }
    case .array(let values): .array(values.map(json))
    case .dictionary(let values): .object(values.sorted { $0.key < $1.key }.map { ($0.key, json($0.value)) })
    }
  }

  /// The second of the last entry as text: there may be thousands in one.
  private static let second = Mutex((number: time_t.min, text: ""))

  /// A moment as ISO 8601 has it, in UTC, with milliseconds.
  static func time(_ seconds: Double) -> String {
    let milliseconds = Int((seconds * 1000).rounded(.down))
    var (whole, rest) = (time_t(milliseconds / 1000), milliseconds % 1000)
    if rest < 0 { (whole, rest) = (whole - 1, rest + 1000) }
    let text = second.withLock { [whole] second in
      if second.number != whole { second = (whole, Self.text(whole)) }
      return second.text
    }
    return "\(text).\(digits(Int32(rest), 3))Z"
  }

  private static func digits(_ number: Int32, _ count: Int = 2) -> String {
    let text = String(number)
    return String(repeating: "0", count: max(0, count - text.utf8.count)) + text
  }

  private static func text(_ second: time_t) -> String {
    var (second, parts) = (second, tm())
    gmtime_r(&second, &parts)
    return "\(parts.tm_year + 1900)-\(digits(parts.tm_mon + 1))-\(digits(parts.tm_mday))T\(digits(parts.tm_hour)):"
      + "\(digits(parts.tm_min)):\(digits(parts.tm_sec))"
  }
}

extension Logger {
  /// A logger of lines of JSON.
  static func lines(_ level: Logger.Level, write: (@Sendable (String) -> Void)? = nil) -> Logger {
    var logger = Logger(label: "refrain") { _ in write.map { LineLog(write: $0) } ?? LineLog() }
    logger.logLevel = level
    return logger
  }
}
