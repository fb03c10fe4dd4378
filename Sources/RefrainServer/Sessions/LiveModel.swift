import RefrainData

/// What is remembered of one stream between its steps.
typealias LiveState = any Sendable

/// What is computed from a state that somebody else may go on from meanwhile.
typealias LiveWork = @Sendable () throws -> LiveOutput

/// A model that takes a stream step by step. What it remembers lies in a ``StateBox``, which one request at a time
/// holds.
protocol LiveModel: Sendable {
  /// What goes through it, in a word: `layers`, `rows`, `recording`, `text` or `frames`.
  var kind: String { get }
  /// What a step is, for people.
  var inputText: String { get }
  /// The bytes of a step where steps are so many floats; nil where they are not.
  var stepBytes: Int? { get }
  /// Whether what is said to each step is floats too.
  var saysNumbers: Bool { get }

  /// What is remembered before the first step.
  func begin() -> LiveState
  /// Reads steps from a body.
  ///
  /// - Throws: 400 with what does not fit, 415 for a type of body that is not known.
  func steps(_ body: [UInt8], type: String) throws(Failure) -> LiveSteps
  /// Takes the steps in their order.
  ///
  /// - Parameter seesGates: Whether the gates of the last step are wanted.
  /// - Throws: 413 for more than one stream may have; nothing was taken then.
  func take(_ steps: LiveSteps, _ box: StateBox, seesGates: Bool) async throws(Failure) -> LiveOutput
  /// What is said of the whole stream when it ends; nil for streams that have no end.
  func ending(_ state: LiveState) -> LiveWork?
  /// What is likely to come next; no step is taken.
  ///
  /// - Parameter query: What was asked for besides.
  /// - Throws: 400 for a model that does not say it, or for a query that is none.
  func foreseeing(_ state: LiveState, _ query: [String: String]) throws(Failure) -> LiveWork

  /// What is remembered, as the contents of a file.
  func file(of state: LiveState) throws(DataError) -> SafeTensorsFile
  /// What a file remembers that ``file(of:)`` gave.
  func state(in file: SafeTensorsFile) throws(DataError) -> LiveState

  /// The networks whose steps are taken together with those of others.
  var networks: [LayerStreams] { get }
}

extension LiveModel {
  var stepBytes: Int? { nil }
  var saysNumbers: Bool { false }
  func ending(_ state: LiveState) -> LiveWork? { nil }
  func foreseeing(_ state: LiveState, _ query: [String: String]) throws(Failure) -> LiveWork {
    throw Failure(400, "a session of the kind \(kind.quoted) does not say what comes next")
  }
  var networks: [LayerStreams] { [] }
}

/// Steps that were read and checked.
enum LiveSteps: Sendable {
  /// `count` steps, one after the other.
  case numbers([Float], count: Int)
  /// Rows of a table.
  case rows(ObservedRows)
  /// `count` samples of a recording, or rows of ready features; and whether it ends with them.
  case sound([Float], count: Int, ends: Bool)
  /// Tokens of a text.
  case tokens([Int])

  /// How many there are.
  var count: Int {
    switch self {
    case .numbers(_, let count), .sound(_, let count, _): count
    case .rows(let rows): rows.count
    case .tokens(let tokens): tokens.count
    }
  }

  /// Whether the stream ends with them.
  var ends: Bool { if case .sound(_, _, let ends) = self { ends } else { false } }
}

/// What was said to some steps.
struct LiveOutput: Sendable {
  /// A gate of a layer, or what the layer shows.
  struct Gate: Sendable {
    let layer: Int
    let name: String
    let values: [Float]
  }

  enum Content: Sendable {
    /// One output after the other, each of a shape.
    case numbers([Float], shape: [Int])
    /// A value of JSON for each step, as text.
    case texts([String])
  }

  var content: Content
  var gates: [Gate] = []

  /// The outputs as an array of JSON.
  var json: String {
    switch content {
    case .texts(let texts): return "[" + texts.joined(separator: ",") + "]"
    case .numbers(let values, let shape):
      let size = max(1, shape.reduce(1, *))
      var text = "["
      for start in stride(from: 0, to: values.count, by: size) {
        if start > 0 { text += "," }
        text.append(jsonNumbers: values[start..<min(start + size, values.count)])
      }
      return text + "]"
    }
  }

  /// Each output as a value of JSON.
  var each: [String] {
    switch content {
    case .texts(let texts): return texts
    case .numbers(let values, let shape):
      let size = max(1, shape.reduce(1, *))
      return stride(from: 0, to: values.count, by: size).map { start in
        var text = ""
        text.append(jsonNumbers: values[start..<min(start + size, values.count)])
        return text
      }
    }
  }

  /// The last of the outputs.
  var last: LiveOutput? {
    switch content {
    case .texts(let texts): return texts.last.map { LiveOutput(content: .texts([$0])) }
    case .numbers(let values, let shape):
      let size = max(1, shape.reduce(1, *))
      guard values.count >= size else { return nil }
      return LiveOutput(content: .numbers(Array(values.suffix(size)), shape: shape))
    }
  }

  /// The outputs as the bytes of floats; nil for what is no number.
  var bytes: [UInt8]? {
    guard case .numbers(let values, _) = content else { return nil }
    return try? NumericArray(values, shape: [values.count]).littleEndianBytes()
  }
}

/// Where a session's state lies. Only who has entered the session's ``Gate`` may touch it.
final class StateBox: @unchecked Sendable {
  var state: LiveState
  /// What was said last.
  var last: LiveOutput?
  /// How many steps were taken.
  var steps = 0

  init(_ state: LiveState) { self.state = state }

  /// The state, taken out: held twice, it could not be written where it lies.
  func takeOut<State>(as type: State.Type) -> State? {
    guard let value = state as? State else { return nil }
    state = 0
    return value
  }
}
