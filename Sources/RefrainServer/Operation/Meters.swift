import RefrainFoundation
import Synchronization

/// What is counted for those who are on call, written as Prometheus reads it.
final class Meters: Sendable {
  /// How often what lies at or below each bound was seen.
  struct Histogram: Sendable {
    let bounds: [Double]
    var counts: [Int]
    var sum = 0.0

    init(_ bounds: [Double]) {
      self.bounds = bounds
      counts = Array(repeating: 0, count: bounds.count + 1)
    }

    mutating func add(_ value: Double) {
      counts[bounds.firstIndex { value <= $0 } ?? bounds.count] += 1
      sum += value
    }

    /// The lines of the text format.
    func lines(_ name: String, _ labels: String) -> String {
      var (text, running) = ("", 0)
      let lead = labels.isEmpty ? "" : labels + ","
      for (bound, count) in zip(bounds.map { "\($0)" } + ["+Inf"], counts) {
        running += count
        text += "\(name)_bucket{\(lead)le=\"\(bound)\"} \(running)\n"
      }
      let braces = labels.isEmpty ? "" : "{\(labels)}"
      return text + "\(name)_sum\(braces) \(sum)\n\(name)_count\(braces) \(running)\n"
    }
  }

  /// What a number is counted under.
  enum Counter: String, CaseIterable {
    case sessionsCreated = "refrain_sessions_created_total"
    case sessionsExpired = "refrain_sessions_expired_total"
    case sessionsStored = "refrain_sessions_stored_total"
    case sessionsRestored = "refrain_sessions_restored_total"
    case snapshots = "refrain_snapshots_total"
    case writeFailures = "refrain_session_write_failures_total"
    case reloads = "refrain_model_reloads_total"
    case reloadFailures = "refrain_model_reload_failures_total"
    case socketsOpened = "refrain_websockets_opened_total"

    var help: String {
      switch self {
      case .sessionsCreated: "Sessions that were begun."
      case .sessionsExpired: "Sessions that nobody asked for in time."
      case .sessionsStored: "States of sessions written to disk."
      case .sessionsRestored: "States of sessions read back from disk."
      case .snapshots: "Snapshots taken of sessions."
      case .writeFailures: "States of sessions that could not be written."
      case .reloads: "Files of models that had changed and were taken."
      case .reloadFailures: "Files of models that had changed and could not be taken."
      case .socketsOpened: "WebSockets that were opened."
      }
    }
  }

  /// What requests are counted by.
  private struct Kind: Hashable {
    let route: String
    let method: String
    let status: Int

    var labels: String { "route=\"\(route)\",method=\"\(method)\",status=\"\(status)\"" }
  }

  private struct Table {
    var requests: [Kind: Int] = [:]
    // By route, and by model.
    var seconds: [String: Histogram] = [:]
    var batches: [String: Histogram] = [:]
    var inferences: [String: Int] = [:]
    var counters: [Counter: Int] = [:]
    var refusals: [Int: Int] = [:]
    var closings: [String: Int] = [:]
    // Of WebSockets: their times, and how many were answered with an error.
    var messages = Histogram(Meters.latencies)
    var refusedMessages = 0
  }

  static let latencies = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
  ]
  static let sizes = [1.0, 2, 4, 8, 16, 32, 64, 128, 256]

  private let table = Mutex(Table())
  private let start = Date()
  /// Requests that are being answered.
  let running = Atomic(0)
  /// WebSockets that are open.
  let sockets = Atomic(0)

  /// A request was answered.
  func answered(_ route: String, method: String, status: Int, seconds: Double) {
    table.withLock { table in
      table.requests[Kind(route: route, method: method, status: status), default: 0] += 1
      table.seconds[route, default: Histogram(Self.latencies)].add(seconds)
      if [401, 403, 408, 413, 421, 429, 503].contains(status) { table.refusals[status, default: 0] += 1 }
    }
  }

  /// A step of so many sessions of a model was taken.
  func stepped(_ model: String, sessions: Int) {
    table.withLock { $0.batches[model, default: Histogram(Self.sizes)].add(Double(sessions)) }
  }

  /// A connection went on as a WebSocket.
  func socketOpened() {
    sockets.wrappingAdd(1, ordering: .relaxed)
    count(.socketsOpened)
  }

  /// The codes that have a line of their own: a client may send thousands of others.
  private static let codes: Set<UInt16> = [
    1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009, 1011, WebSocketClosing.noSession,
  ]

  /// A WebSocket ended.
  func socketClosed(_ code: UInt16) {
    sockets.wrappingSubtract(1, ordering: .relaxed)
    table.withLock { $0.closings[Self.codes.contains(code) ? "\(code)" : "other", default: 0] += 1 }
  }

  /// A message of a WebSocket was answered.
  func messaged(seconds: Double, isRefused: Bool) {
    table.withLock { table in
      table.messages.add(seconds)
      if isRefused { table.refusedMessages += 1 }
    }
  }

  /// A model was run on tensors.
  func inferred(_ model: String) { table.withLock { $0.inferences[model, default: 0] += 1 } }

  /// Counts.
  func count(_ counter: Counter, by number: Int = 1) { table.withLock { $0.counters[counter, default: 0] += number } }

  /// Everything, in the text format of Prometheus.
  ///
  /// - Parameter gauges: What is not counted but looked up: the name with labels, help, and the number.
  func text(_ gauges: [(name: String, help: String, values: [(labels: String, value: Double)])]) -> String {
    let table = table.withLock { $0 }
    var text = ""
    func head(_ name: String, _ help: String, _ type: String) {
      text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
    }
    head("refrain_requests_total", "Requests answered.", "counter")
    for (labels, count) in table.requests.map({ ($0.key.labels, $0.value) }).sorted(by: { $0.0 < $1.0 }) {
      text += "refrain_requests_total{\(labels)} \(count)\n"
    }
    head("refrain_request_seconds", "Time from a request's head to its answer.", "histogram")
    for (route, histogram) in table.seconds.sorted(by: { $0.key < $1.key }) {
      text += histogram.lines("refrain_request_seconds", "route=\"\(route)\"")
    }
    head("refrain_step_batch_size", "Sessions whose step was taken together.", "histogram")
    for (model, histogram) in table.batches.sorted(by: { $0.key < $1.key }) {
      text += histogram.lines("refrain_step_batch_size", "model=\"\(model)\"")
    }
    head("refrain_steps_total", "Steps taken by sessions.", "counter")
    for (model, histogram) in table.batches.sorted(by: { $0.key < $1.key }) {
      text += "refrain_steps_total{model=\"\(model)\"} \(Int(histogram.sum))\n"
    }
    head("refrain_inferences_total", "Runs of models on tensors, apart from sessions.", "counter")
    for (model, count) in table.inferences.sorted(by: { $0.key < $1.key }) {
      text += "refrain_inferences_total{model=\"\(model)\"} \(count)\n"
    }
    head("refrain_refused_total", "Requests refused, by status.", "counter")
    for (status, count) in table.refusals.sorted(by: { $0.key < $1.key }) {
      text += "refrain_refused_total{status=\"\(status)\"} \(count)\n"
    }
    head("refrain_websocket_message_seconds", "Time from a message of a WebSocket to its answer.", "histogram")
    text += table.messages.lines("refrain_websocket_message_seconds", "")
    head("refrain_websocket_messages_refused_total", "Messages of WebSockets answered with an error.", "counter")
    text += "refrain_websocket_messages_refused_total \(table.refusedMessages)\n"
    head("refrain_websockets_closed_total", "WebSockets that ended, by code.", "counter")
    for (code, count) in table.closings.sorted(by: { $0.key < $1.key }) {
      text += "refrain_websockets_closed_total{code=\"\(code)\"} \(count)\n"
    }
    for counter in Counter.allCases {
      head(counter.rawValue, counter.help, "counter")
      text += "\(counter.rawValue) \(table.counters[counter] ?? 0)\n"
    }
    let own: [(name: String, help: String, values: [(labels: String, value: Double)])] = [
      ("refrain_requests_running", "Requests being answered.", [("", Double(running.load(ordering: .relaxed)))]),
      ("refrain_websockets", "WebSockets that are open.", [("", Double(sockets.load(ordering: .relaxed)))]),
      ("refrain_uptime_seconds", "Time since the start.", [("", Date().timeIntervalSince(start))]),
      ("process_resident_memory_bytes", "Memory in use.", [("", Double(Self.residentMemory))]),
    ]
    for (name, help, values) in own + gauges {
      head(name, help, "gauge")
      for (labels, value) in values { text += "\(name)\(labels.isEmpty ? "" : "{\(labels)}") \(value)\n" }
    }
    return text
  }

  /// How often a model was run so far, each step of a session and each run on tensors counted, and in how many batches.
  func runs(of model: String) -> (runs: Int, batches: Int) {
    table.withLock { table in
      let inferences = table.inferences[model] ?? 0
      guard let steps = table.batches[model] else { return (inferences, inferences) }
      return (inferences + Int(steps.sum), inferences + steps.counts.reduce(0, +))
    }
  }

  /// Bytes of memory that the process has in use; 0 where the system does not say.
  static var residentMemory: Int {
    guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else { return 0 }
    let pages = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
  }
}
