import Refrain
import RefrainFoundation

/// A file of events that TensorBoard shows. Each is a record: its length, a checksum of that, a message `Event` of
/// tensorflow/core/util/event.proto, and a checksum of it.
public final class EventFile {
  /// What is shown at a step.
  public enum Value {
    /// A number.
    case scalar(Double)
    /// How values are spread.
    case histogram([Float])
    /// A text, in Markdown.
    case text(String)
  }

  private let file: GrowingFile

  /// A new file in a folder, which is made where it is not there.
  ///
  /// - Parameters:
  ///   - folder: What TensorBoard calls a run.
  ///   - step: Where events begin: in the runs' earlier files those from there on are no longer shown, as those of a
  ///     training that was killed.
  /// - Throws: `missingFolder`, `diskFull` or `unwritableFile`.
  public init(in folder: String, from step: Int = 0) throws(DataError) {
    do {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    } catch {
      throw DataError(.unwritableFile, file: folder, "the folder cannot be made", remedy: "choose another place")
    }
    let seconds = Int(Date().timeIntervalSince1970)
    var number = 0
    func path() -> String {
      "\(folder)/events.out.tfevents.\(seconds).\(ProcessInfo.processInfo.hostName).\(getpid()).\(number)"
    }
    while FileManager.default.fileExists(atPath: path()) { number += 1 }
    file = try GrowingFile(path())
    try write(at: 0) { $0.add(3, "brain.Event:2") }
    var start = ProtocolMessage()
    start.add(1, 1)
    try write(at: step) { $0.add(7, start) }
  }

  /// Adds values, each under its tag, such as `loss/training`.
  ///
  /// - Throws: `diskFull` or `unwritableFile`.
  public func add(_ values: [(tag: String, value: Value)], at step: Int) throws(DataError) {
    guard !values.isEmpty else { return }
    var summary = ProtocolMessage()
    for (tag, value) in values { summary.add(1, Self.message(tag, value)) }
    try write(at: step) { $0.add(5, summary) }
  }

  private func write(at step: Int, _ fill: (inout ProtocolMessage) -> Void) throws(DataError) {
    var event = ProtocolMessage()
    event.add(1, Date().timeIntervalSince1970)
    event.add(2, step)
    fill(&event)
    func bytes(_ value: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }
    let length = bytes(UInt64(event.bytes.count))
    try file.add(length + bytes(CRC32C.masked(length)) + event.bytes + bytes(CRC32C.masked(event.bytes)))
  }

  /// `Summary.Value` of tensorflow/core/framework/summary.proto.
  private static func message(_ tag: String, _ value: Value) -> ProtocolMessage {
    var message = ProtocolMessage()
    message.add(1, tag)
    switch value {
    case .scalar(let number): message.add(2, Float(number))
    case .histogram(let values): message.add(5, histogram(values))
    case .text(let text):
      var extent = ProtocolMessage()
      extent.add(1, 1)
      var shape = ProtocolMessage()
      shape.add(2, extent)
      var tensor = ProtocolMessage()
      tensor.add(1, 7)  // DT_STRING
      tensor.add(2, shape)
      tensor.add(8, text)
      var plugin = ProtocolMessage()
      plugin.add(1, "text")
      var metadata = ProtocolMessage()
      metadata.add(1, plugin)
      message.add(8, tensor)
      message.add(9, metadata)
    }
    return message
  }

  /// `HistogramProto`: thirty buckets of one width from the least value to the greatest.
  private static func histogram(_ values: [Float]) -> ProtocolMessage {
    let values = values.filter(\.isFinite).map(Double.init)
    let (least, greatest) = (values.min() ?? 0, values.max() ?? 0)
    let buckets = greatest > least ? 30 : 1
    var counts = [Double](repeating: 0, count: buckets)
    for value in values {
      let place = greatest > least ? Int((value - least) / (greatest - least) * Double(buckets)) : 0
      counts[min(place, buckets - 1)] += 1
    }
    let limits = (1...buckets).map { least + (greatest - least) * Double($0) / Double(buckets) }
    var message = ProtocolMessage()
    message.add(1, least)
    message.add(2, greatest)
    message.add(3, Double(values.count))
    message.add(4, values.reduce(0, +))
    message.add(5, values.reduce(0) { $0 + $1 * $1 })
    message.add(6, limits)
    message.add(7, counts)
    return message
  }
}
