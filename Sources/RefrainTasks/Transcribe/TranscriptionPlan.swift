import Refrain
import RefrainData

/// All that a transcriber is made by besides its weights.
struct TranscriptionPlan: Codable, Equatable {
  /// Whose means and deviations rows are normalized by.
  enum Normalization: String, Codable, CaseIterable {
    /// Each recording's own.
    case utterance
    /// All recordings of the speaker that are there together; of unknown speakers each recording's own.
    case speaker
  }

  var columns = UtteranceColumns()
  var encoding: SoundEncoding
  var normalization: Normalization
  /// How many rows make a step of the network.
  var stacking: Int
  /// The symbols, each a character; the blank, the first, is the empty text.
  var symbols: [String]
  var cell: String
  var hiddenSize: Int
  var layers: Int
  var dropout: Float
  /// Whether the network goes through time forward alone, for live use.
  var isLive: Bool
  var epochs: Int
  var batchSize: Int
  var learningRate: Float
  var masks: FeatureMasks
  var seed: UInt64
  /// How the recurrent layers are regularized besides; nil is not.
  var regularizers: RecurrentRegularizers?

  /// The values of a step.
  var inputSize: Int { encoding.width * stacking }
  /// The symbol between words.
  var separator: Int? { symbols.firstIndex(of: " ") }
  /// The seconds from one step to the next.
  var period: Double { encoding.period * Double(stacking) }

  /// The symbols of a text; what the model does not know is left out.
  func labels(_ text: String) -> [Int] {
    let places = Dictionary(symbols.enumerated().dropFirst().map { ($1, $0) }) { first, _ in first }
    return text.compactMap { places[String($0)] }
  }

  /// The text of symbols.
  func text(_ labels: [Int]) -> String { labels.map { symbols[$0] }.joined() }

  /// What the network reads of each recording, `[steps, inputSize]`, normalized and stacked.
  func inputs(_ utterances: Utterances) -> [FeatureFrames] {
    var moments: [String: FeatureMoments] = [:]
    if normalization == .speaker {
      for one in utterances.all {
        guard let speaker = one.speaker else { continue }
        moments[speaker, default: FeatureMoments(width: encoding.width)].add(one.frames)
      }
    }
    return utterances.all.map { one in
      one.frames.normalized(by: one.speaker.flatMap { moments[$0] } ?? one.frames.moments).stacked(stacking)
    }
  }

  /// What is wrong with numbers that somebody may have forged; nil where a network can be made by them.
  var fault: String? {
    if let fault = encoding.fault { return fault }
    guard let kind = Cells.named(cell) else { return "there is no cell \(cell.quoted)" }
    if let column = kind.lastColumn { return "the cell \(cell.quoted) reads \(column), which recordings do not have" }
    guard (1...1 << 14).contains(hiddenSize), (1...64).contains(layers), (1...64).contains(stacking),
      (0..<1).contains(dropout), (2...1 << 16).contains(symbols.count), Set(symbols).count == symbols.count,
      symbols[0].isEmpty, regularizers.areSound
    else { return "sizes or symbols cannot be" }
    return nil
  }
}
