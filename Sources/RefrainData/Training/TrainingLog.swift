import Refrain
import RefrainFoundation

/// Writes a file of what happens in training: a row of CSV an epoch, or JSON lines of epochs, of steps (at most one a
/// second), of beginning and end.
///
///     let log = TrainingLog("training.csv", format: .csv)
///     Trainer(epochs: 20, exchanges: [log], observers: [log])
///
/// It adds to the file. Where training goes on from a saved state, rows of epochs after it, which a killed run had
/// written, are taken out of a CSV first. Its header stays as the first training in the file wrote it: the metrics of a
/// later one that it does not name are left out.
public final class TrainingLog: TrainingObserver, GradientExchange {
  /// The forms of the file.
  public enum Format: String, Sendable, CaseIterable {
    /// `stage,epoch,step,loss,validation loss,learning rate,gradient norm,seconds`, and the metrics.
    case csv
    /// An object a line, whose `event` is `began`, `step`, `epoch` or `ended`.
    case jsonLines
  }

  private let path: String
  private let format: Format
  private let stage: String
  private let warn: (String) -> Void
  private let norms = GradientNorms()
  private var file: GrowingFile?
  private var metrics: [String]?
  private var lastStep = 0
  private var lastLine = -Double.infinity

  /// - Parameters:
  ///   - path: The file.
  ///   - format: Its form.
  ///   - stage: The word for this training, where there are several in one file.
  ///   - warn: Told once when nothing can be written; training goes on.
  public init(
    _ path: String, format: Format, stage: String = "training", warn: @escaping (String) -> Void = { _ in }
  ) {
    self.path = path
    self.format = format
    self.stage = stage
    self.warn = warn
  }

  public func exchange<G: TensorGroup>(_ gradient: inout G, in step: inout GradientStep) {
    norms.exchange(&gradient, in: &step)
  }

  public func observe(_ event: TrainingEvent) -> TrainingDecision {
    if case .step(let step) = event.kind { lastStep = step.step }
    do throws(DataError) {
      if case .began = event.kind {
        lastStep = event.state()?.position.step ?? 0
        metrics = nil
        if format == .csv { try removeRows(after: event.history.epochs.count) }
        file = try GrowingFile(path)
      }
      guard let file, let text = format == .csv ? row(event, in: file) : line(event) else { return .proceed }
      try file.add(text + "\n")
    } catch {
      warn("The log is no longer written: \(error)")
      file = nil
    }
    if case .ended = event.kind { file = nil }
    return .proceed
  }

  // MARK: - CSV

  private static let columns = [
    "stage", "epoch", "step", "loss", "validation loss", "learning rate", "gradient norm", "seconds",
  ]

  private func row(_ event: TrainingEvent, in file: GrowingFile) -> String? {
    guard case .epoch(let epoch) = event.kind else { return nil }
    let names = metrics ?? epoch.metrics.keys.sorted()
    metrics = names
    var text = ""
    if file.isEmpty {
      let header = Self.columns + names.flatMap { [$0, "validation " + $0] }
      text = header.map(EpochTable.field).joined(separator: ",") + "\n"
    }
    func number(_ value: Float?) -> String { value.map { "\($0)" } ?? "" }
    let fields =
      [
        EpochTable.field(stage), "\(epoch.number)", "\(lastStep)", number(epoch.loss), number(epoch.validationLoss),
        number(epoch.learningRate), number(norms.total), "\((epoch.seconds * 1000).rounded() / 1000)",
      ] + names.flatMap { [number(epoch.metrics[$0]), number(epoch.validationMetrics[$0])] }
    return text + fields.joined(separator: ",")
  }

  /// Takes out the rows of this stage's epochs that are to come again.
  private func removeRows(after epoch: Int) throws(DataError) {
    guard FileManager.default.fileExists(atPath: path) else { return }
    let text = String(decoding: try readFile(path), as: UTF8.self)
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    metrics = Self.metrics(inHeader: lines[0])
    let start = EpochTable.field(stage) + ","
    var kept = lines.filter { line in
      guard line.hasPrefix(start), let number = line.dropFirst(start.count).split(separator: ",").first else {
        return true
      }
      return Int(number).map { $0 <= epoch } ?? true
    }
    // What a killed run had half written has no end.
    if let last = kept.last, !last.isEmpty { kept.append("") }
    if kept != lines { try writeAtomically(kept.joined(separator: "\n"), to: path) }
  }

  /// The metrics that a header names; nil for a line that is none.
  private static func metrics(inHeader line: Substring) -> [String]? {
    var scanner = CSVScanner(bytes: Array(line.utf8), position: 0, delimiter: CSVDelimiter.comma.rawValue)
    var fields: [CSVField] = []
    guard (try? scanner.readRow(into: &fields)) != nil else { return nil }
    let names = fields.map { String(decoding: scanner.bytes[$0.range], as: UTF8.self).replacing("\"\"", with: "\"") }
    guard names.starts(with: columns) else { return nil }
    return names.dropFirst(columns.count).enumerated().filter { $0.offset % 2 == 0 }.map(\.element)
  }

  // MARK: - JSON lines

  private func line(_ event: TrainingEvent) -> String? {
    func number(_ value: Float?) -> JSON { value.map { .number(Double("\($0)") ?? .nan) } ?? .null }
    func object(_ values: [String: Float]) -> JSON {
      .object(values.sorted { $0.key < $1.key }.map { ($0.key, number($0.value)) })
    }
    switch event.kind {
    case .began:
      return JSON.object([
        ("event", .text("began")), ("stage", .text(stage)), ("epochs", .integer(event.epochs)),
        ("batches", event.batches.map { .integer($0) } ?? .null), ("epochsDone", .integer(event.history.epochs.count)),
      ]).line
    case .step(let step):
      let now = ProcessInfo.processInfo.systemUptime
      guard now - lastLine >= 1 else { return nil }
      lastLine = now
      return JSON.object([
        ("event", .text("step")), ("stage", .text(stage)), ("epoch", .integer(step.epoch)),
        ("batch", .integer(step.batch)), ("step", .integer(step.step)), ("loss", number(step.loss)),
        ("learningRate", number(step.learningRate)), ("gradientNorm", number(norms.total)),
      ]).line
    case .epoch(let epoch):
      return JSON.object([
        ("event", .text("epoch")), ("stage", .text(stage)), ("epoch", .integer(epoch.number)),
        ("step", .integer(lastStep)), ("loss", number(epoch.loss)), ("validationLoss", number(epoch.validationLoss)),
        ("metrics", object(epoch.metrics)), ("validationMetrics", object(epoch.validationMetrics)),
        ("learningRate", number(epoch.learningRate)), ("gradientNorm", number(norms.total)),
        ("gradientNorms", .object(norms.norms.map { ($0.name, number($0.norm)) })),
        ("seconds", .number((epoch.seconds * 1000).rounded() / 1000)),
      ]).line
    case .ended(let reason):
      return JSON.object([
        ("event", .text("ended")), ("stage", .text(stage)), ("reason", reason.map { .text($0.rawValue) } ?? .null),
        ("seconds", .number((event.history.seconds * 1000).rounded() / 1000)),
      ]).line
    }
  }
}
