import Refrain
import RefrainData
import RefrainTasks

/// The live streams of a detector: rows come in, and what there is to say of each goes out. Each goes on where the rows
/// of the training ended. A row depends on what its own stream has learned, so rows of several streams are not taken
/// together.
struct DetectorStreams: LiveModel {
  let kind = "rows"
  /// More rows than these are not taken on the thread that waits for the network.
  private static let fewRows = 32
  private let detector: Detector
  private let model: String
  private let meters: Meters

  init(_ detector: Detector, model: String, meters: Meters) {
    (self.detector, self.model, self.meters) = (detector, model, meters)
  }

  var inputText: String { "a row with \(detector.channels.map(\.quoted).joined(separator: ", "))" }

  func begin() -> LiveState { detector.stream() }

  func file(of state: LiveState) throws(DataError) -> SafeTensorsFile {
    guard let stream = state as? DetectorStream else {
      throw DataError(.invalidTensor, "the state is of another model")
    }
    return try stream.fileContents()
  }

  func state(in file: SafeTensorsFile) throws(DataError) -> LiveState { try detector.stream(file, path: nil) }

  /// A table of CSV, or JSON: `input` is a row, `inputs` are several, each an array with a number or null for each
  /// channel.
  func steps(_ body: [UInt8], type: String) throws(Failure) -> LiveSteps {
    if type == MediaType.csv {
      let read: ObservedRows?
      do throws(DataError) {
        let source = DataSource([.bytes(body, name: "the body.csv")])
        read = try detector.examples(from: source, DetectionRequest()).files.first
      } catch { throw Failure(error) }
      guard let read else { throw Failure(400, "there are no rows") }
      return .rows(read)
    }
    let json = try SessionBody.json(body, type: type)
    let (given, isSingle) = try SessionBody.steps(json)
    let names = detector.channels
    let rows = isSingle ? [given] : (given.array ?? [])
    guard !rows.isEmpty else { throw Failure(400, "there are no rows: give one as input, or several as inputs") }
    var channels = names.map { ObservedRows.Channel(name: $0, values: []) }
    for (index, row) in rows.enumerated() {
      // One channel needs no array.
      let values = row.array ?? (names.count == 1 ? [row] : [])
      guard values.count == names.count else {
        throw Failure(400, "row \(index + 1) has \(values.count) values, and there are \(names.count) channels")
      }
      for (channel, value) in values.enumerated() {
        switch value.nearest {
        case .null: channels[channel].values.append(.nan)
        case .number(let number): channels[channel].values.append(number)
        default: throw Failure(400, "row \(index + 1) has something that is neither a number nor null")
        }
      }
    }
    return .rows(ObservedRows(channels: channels))
  }

  func take(_ steps: LiveSteps, _ box: StateBox, seesGates: Bool) async -> LiveOutput {
    guard steps.count > Self.fewRows else { return take(steps, box) }
    return await ThreadExecutor.steps.run { take(steps, box) }
  }

  private func take(_ steps: LiveSteps, _ box: StateBox) -> LiveOutput {
    guard case .rows(let rows) = steps, var stream = box.takeOut(as: DetectorStream.self) else {
      return LiveOutput(content: .texts([]))
    }
    var texts: [String] = []
    for row in 0..<rows.count {
      let detection = stream.push(
        rows.channels.map { $0.values[row] }, at: rows.stamps?[row], label: rows.stamps == nil ? nil : rows.times[row])
      texts.append((try? JSON(encoding: detection))?.line ?? "null")
      meters.stepped(model, sessions: 1)
    }
    box.state = stream
    box.steps += rows.count
    let output = LiveOutput(content: .texts(texts))
    box.last = output.last
    return output
  }
}
