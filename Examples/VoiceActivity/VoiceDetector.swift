import Refrain
import RefrainData
import RefrainModels

/// Says of every 32 ms of sound how likely it is that somebody speaks, by a network that others have trained: Silero
/// VAD (version 5 and later), read from its ONNX file. Sound comes in pieces of any size, as it does from a microphone.
struct VoiceDetector {
  /// The samples a second that the network knows.
  static let sampleRate = 16_000
  /// The samples that it judges at a time, and those before them that it sees again.
  static let window = 512, context = 64

  private let model: any RunnableModel
  /// What the network remembers, [2, 1, 128].
  private var state: NumericArray
  /// The samples that came, from the context of the next window on.
  private var samples = [Float](repeating: 0, count: Self.context)
  private let wantsRate: Bool

  /// Reads the network.
  ///
  /// - Throws: what reading a model throws; `unsupportedContent` for one that is no detector of this kind.
  init(contentsOf path: String) throws(DataError) {
    try self.init(LoadedModel(contentsOf: path).runnable(), name: path)
  }

  /// Takes a network with the inputs `input` [1, 576] and `state` [2, 1, n], the outputs `output` and `stateN`, and
  /// perhaps an input `sr`, the samples a second.
  init(_ model: any RunnableModel, name: String) throws(DataError) {
    let names = (inputs: Set(model.inputs.map(\.name)), outputs: Set(model.outputs.map(\.name)))
    guard let port = model.inputs.first(where: { $0.name == "state" }), let size = port.shape.last ?? nil,
      names.inputs.isSubset(of: ["input", "state", "sr"]), names.inputs.contains("input"),
      names.outputs.isSuperset(of: ["output", "stateN"])
    else {
      throw DataError(
        .unsupportedContent, file: name,
        "this is not the network of Silero VAD 5 or later, which takes input and state",
        remedy: "take silero_vad.onnx or silero_vad_16k_op15.onnx")
    }
    self.model = model
    wantsRate = names.inputs.contains("sr")
    state = NumericArray([Float](repeating: 0, count: 2 * size), shape: [2, 1, size])
  }

  /// Takes samples, and gives the probabilities of the windows that are full now.
  mutating func push(_ more: [Float]) throws(DataError) -> [Float] {
    samples += more
    var probabilities: [Float] = []
    var start = 0
    while samples.count - start >= Self.context + Self.window {
      let seen = Array(samples[start..<start + Self.context + Self.window])
      var inputs = ["input": NumericArray(seen, shape: [1, seen.count]), "state": state]
      if wantsRate { inputs["sr"] = NumericArray([Self.sampleRate], shape: []) }
      let outputs = try model.run(inputs)
      if let next = outputs["stateN"] { state = next }
      probabilities.append(outputs["output"]?.values.floats.first ?? 0)
      start += Self.window
    }
    samples.removeFirst(start)
    return probabilities
  }

  /// The probability of the samples that are left at the end, with silence behind them; nil where none are.
  mutating func finish() throws(DataError) -> Float? {
    guard samples.count > Self.context else { return nil }
    return try push([Float](repeating: 0, count: Self.context + Self.window - samples.count)).first
  }
}
