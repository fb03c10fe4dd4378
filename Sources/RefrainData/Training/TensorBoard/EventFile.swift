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
    try write(EventMessage(step: 0, version: "brain.Event:2"))
    try write(EventMessage(step: step, session: SessionMessage(status: SessionMessage.start)))
  }

  /// Adds values, each under its tag, such as `loss/training`.
  ///
  /// - Throws: `diskFull` or `unwritableFile`.
  public func add(_ values: [(tag: String, value: Value)], at step: Int) throws(DataError) {
    guard !values.isEmpty else { return }
    let summary = SummaryMessage(values: values.map { Self.message($0.tag, $0.value) })
    try write(EventMessage(step: step, summary: summary))
  }

  private func write(_ event: EventMessage) throws(DataError) {
    var event = event
    event.time = Date().timeIntervalSince1970
    let content = event.encoded()
    var record: [UInt8] = []
    record.append(littleEndian: UInt64(content.count))
    record.append(littleEndian: CRC32C.masked(record))
    record += content
    record.append(littleEndian: CRC32C.masked(content))
    try file.add(record)
  }

  private static func message(_ tag: String, _ value: Value) -> SummaryMessage.Value {
    switch value {
    case .scalar(let number): SummaryMessage.Value(tag: tag, scalar: Float(number))
    case .histogram(let values): SummaryMessage.Value(tag: tag, histogram: histogram(values))
    case .text(let text):
      SummaryMessage.Value(
        tag: tag,
        text: TextMessage(type: TextMessage.string, shape: TextMessage.Shape(axes: [.init(size: 1)]), texts: [text]),
        metadata: SummaryMessage.Metadata(plugin: .init(name: "text")))
    }
  }

  /// Thirty buckets of one width from the least value to the greatest.
  private static func histogram(_ values: [Float]) -> HistogramMessage {
    let values = values.filter(\.isFinite).map(Double.init)
    let (least, greatest) = (values.min() ?? 0, values.max() ?? 0)
    let buckets = greatest > least ? 30 : 1
    var counts = [Double](repeating: 0, count: buckets)
    for value in values {
      let place = greatest > least ? Int((value - least) / (greatest - least) * Double(buckets)) : 0
      counts[min(place, buckets - 1)] += 1
    }
    let limits = (1...buckets).map { least + (greatest - least) * Double($0) / Double(buckets) }
    return HistogramMessage(
      least: least, greatest: greatest, count: Double(values.count), sum: values.reduce(0, +),
      sumOfSquares: values.reduce(0) { $0 + $1 * $1 }, limits: limits, counts: counts)
  }
}
