import RefrainData
import RefrainFoundation

/// What is kept of a recording that is not over, but for what the networks remember.
package struct HeardRecording: Equatable, Sendable {
  /// What was made of the outputs of one network.
  enum Said: Equatable, Sendable {
    /// The symbols of the likeliest path so far, and the one of the last step.
    case symbols([Int], last: Int)
    case pooled(PooledSteps)
  }

  var intake: SoundIntake
  /// How many samples, or rows of ready features, have come.
  package internal(set) var units = 0
  /// All rows of features so far, not yet normalized, one after the other.
  var rows: [Float] = []
  /// How many of them the networks have read.
  var read = 0
  /// The sums over those.
  var moments: FeatureMoments
  /// Of each network.
  var said: [Said]

  /// What stands in a file besides ``rows`` and ``said``.
  fileprivate struct Note: Codable {
    var intake: SoundIntake
    var units: Int
    var read: Int
  }

  package static func == (first: HeardRecording, second: HeardRecording) -> Bool {
    // The sums follow from the rows.
    first.intake == second.intake && first.units == second.units && first.rows == second.rows
      && first.read == second.read && first.said == second.said
  }
}

extension RecordingListener {
  private static let note = "heard"

  /// What is kept, as the contents of a file.
  package func file(of heard: HeardRecording) throws(DataError) -> SafeTensorsFile {
    var tensors: [NamedArray] = []
    func add(_ name: String, _ values: [Float]) {
      if !values.isEmpty { tensors.append(NamedArray(name: name, array: NumericArray(values, shape: [values.count]))) }
    }
    add("rows", heard.rows)
    for (index, said) in heard.said.enumerated() {
      switch said {
      // A symbol's number is a Float as it is.
      case .symbols(let symbols, let last): add("said.\(index)", ([last] + symbols).map { Float($0) })
      case .pooled(let pooled): add("said.\(index)", pooled.numbers)
      }
    }
    let note = HeardRecording.Note(intake: heard.intake, units: heard.units, read: heard.read)
    guard let text = try? JSONEncoder().encode(note) else {
      throw DataError(.unwritableFile, "what was heard cannot be written as JSON")
    }
    return SafeTensorsFile(tensors: tensors, metadata: [Self.note: String(decoding: text, as: UTF8.self)])
  }

  /// What ``file(of:)`` gave.
  ///
  /// - Throws: `damagedModel` for what this listener cannot have kept.
  package func heard(in file: SafeTensorsFile) throws(DataError) -> HeardRecording {
    let fault = DataError(.damagedModel, "what was heard of the recording cannot be")
    guard let text = file.metadata[Self.note],
      let note = try? JSONDecoder().decode(HeardRecording.Note.self, from: Data(text.utf8)),
      note.intake.encoding == encoding
    else { throw fault }
    var heard = begin()
    func numbers(_ name: String) -> [Float] { file[name]?.array.values.floats ?? [] }
    (heard.intake, heard.units, heard.rows, heard.read) = (note.intake, note.units, numbers("rows"), note.read)
    let width = encoding.width
    guard heard.units >= 0, seconds(of: heard) <= longest + 1, heard.rows.count % width == 0,
      heard.rows.count / width <= Int(longest / encoding.period) + 64, heard.rows.allSatisfy(\.isFinite),
      heard.read >= 0, heard.read % stacking == 0, heard.read <= heard.rows.count / width
    else { throw fault }
    heard.moments.add(FeatureFrames(Array(heard.rows.prefix(heard.read * width)), width: width))
    for index in heard.said.indices {
      let numbers = numbers("said.\(index)")
      switch heard.said[index] {
      case .symbols:
        let symbols = numbers.compactMap { Int(exactly: $0) }
        guard symbols.count == numbers.count, let last = symbols.first, symbols.allSatisfy({ symbolRange.contains($0) })
        else { throw fault }
        heard.said[index] = .symbols(Array(symbols.dropFirst()), last: last)
      case .pooled:
        guard let pooled = PooledSteps(numbers, like: part(index)) else { throw fault }
        heard.said[index] = .pooled(pooled)
      }
    }
    return heard
  }
}
