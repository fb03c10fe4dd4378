import Refrain
import RefrainData

/// What is known so far of nodes that find which steps there are, as ``Masking`` and an ``Embedding`` with `maskZero`
/// do.
struct StepTest {
  /// What is computed: in turn from the values, or for tokens from the first to the last at once.
  enum Stage {
    /// Whether each number is the value.
    case equal
    /// Whether it is another.
    case other
    /// The same as 1 and 0.
    case ones
    /// How many of a step are.
    case counts
    /// Whether a step has any.
    case there
  }

  /// What is looked at, as ``ONNXStream/source``.
  var source: Int
  /// What all numbers of a step are that is not there.
  var value: Float
  /// Whether each step is one token.
  var isOfTokens: Bool
  var stage = Stage.equal

  /// Whether it says which steps there are.
  var isFinished: Bool { stage == .there }
}

extension ONNXLayerImport {
  /// What a node makes that finds which steps there are, or masks a stream by what was found; nil where it is none.
  mutating func stepTest(_ node: ONNXNode, _ inputs: [Meaning?], _ streams: [ONNXStream]) -> Meaning? {
    if node.operation == "Equal", streams.count == 1 { return comparison(node, streams[0]).map { .test($0) } }
    guard case .test(var test) = inputs.first, inputs.count <= 3 else { return nil }
    switch (node.operation, test.stage) {
    case ("Not", .equal):
      test.stage = test.isOfTokens ? .there : .other
      if test.isOfTokens { tokensTested.insert(test.source) }
    case ("Cast", .other): test.stage = .ones
    case ("ReduceSum", .ones):
      guard let axes = integers(node, "axes", orInput: 1), axes == [-1] || axes == [2], node.integer("keepdims") == 0
      else { return nil }
      test.stage = .counts
    case ("Greater", .counts):
      guard let limit = constant(node, 1), limit.count == 1, limit.isZero else { return nil }
      test.stage = .there
    case ("And", .there):
      guard inputs.count == 2, let other = inputs[1] else { return nil }
      if case .given = other { break }
      guard other.isOfSteps else { return nil }
    case ("Unsqueeze", .there), ("Identity", .there): break
    case ("Where", .there):
      guard streams.count == 1, case .stream(let stream) = inputs[1] else { return nil }
      return masked(node, stream, by: test).map { .stream($0) }
    default: return nil
    }
    return .test(test)
  }

  /// The comparison of all numbers with one.
  private func comparison(_ node: ONNXNode, _ stream: ONNXStream) -> StepTest? {
    guard let value = constant(node, 0) ?? constant(node, 1), value.count == 1 else { return nil }
    if stream.axes == [.batch, .time, .feature], let number = value.tensor?.values[0],
      number.isFinite
    {
      return StepTest(source: stream.source, value: number, isOfTokens: false)
    }
    guard stream.axes == [.batch, .time], stream.layers.isEmpty, value.integers == [0] else { return nil }
    return StepTest(source: stream.source, value: 0, isOfTokens: true)
  }

  /// The stream with zeros at the steps that are not there: by a layer of its own where they were found in it, else by
  /// one before.
  private func masked(_ node: ONNXNode, _ stream: ONNXStream, by test: StepTest) -> ONNXStream? {
    guard test.source == stream.source, !test.isOfTokens else { return stream.findsSteps ? stream : nil }
    guard let filling = constant(node, 2), filling.count == 1, filling.isZero else { return nil }
    var result = stream.adding(.other(Masking(test.value), isPerStep: false), at: result(of: node))
    result?.findsSteps = true
    return result
  }
}
