import Refrain
import RefrainData

/// What a model computes, or a node of it at every step: nodes in the order in which they run, and numbered places for
/// the values between them.
struct ONNXGraph: Sendable {
  var nodes: [ONNXNode] = []
  /// The initializers: which value lies where before the first node.
  var constants: [(slot: Int, value: ONNXValue)] = []
  /// The names of the initializers of floats, which can be learned, in their order, and where their values lie.
  var parameters: [(name: String, slot: Int, value: ONNXValue)] = []
  /// The values of the graph around it that it takes: where they lie there, and where they lie here.
  var captures: [(outside: Int, slot: Int)] = []
  var inputs: [ONNXPort] = []
  var outputs: [ONNXPort] = []
  /// For each node, the places that nobody looks at after it.
  var finished: [[Int]] = []
  /// How many places there are.
  var slots = 0

  /// The parameters that are no weights: running statistics, bounds, states before the first step, single numbers.
  var constantParameters: Set<String> {
    let used = uses
    return Set(parameters.filter { $0.value.rank == 0 || used[$0.slot] == false }.map(\.name))
  }

  /// For each place that a node looks at, whether one of them learns what lies there.
  private var uses: [Int: Bool] {
    var uses: [Int: Bool] = [:]
    for node in nodes {
      for (index, slot) in node.inputs.enumerated() {
        guard let slot else { continue }
        uses[slot] = uses[slot] ?? false || node.implementation.learnedInputs?.contains(index) ?? true
      }
      for case .graph(let body) in node.attributes.values {
        let within = body.uses
        for (outside, slot) in body.captures where within[slot] != nil {
          uses[outside] = uses[outside] ?? false || within[slot] ?? true
        }
      }
    }
    return uses
  }

  /// Finds when each place is looked at for the last time.
  mutating func findFinished() {
    var isWanted = Set(outputs.map(\.slot))
    finished = Array(repeating: [], count: nodes.count)
    for index in nodes.indices.reversed() {
      for slot in (nodes[index].inputs + nodes[index].outputs + nodes[index].captures).compactMap(\.self)
      where isWanted.insert(slot).inserted {
        finished[index].append(slot)
      }
    }
  }
}

extension ONNXGraph {
  /// Runs all nodes.
  ///
  /// - Parameters:
  ///   - places: the values that there are before the first node; afterwards the outputs are among them.
  ///   - limits: what the run may still take.
  func run(_ places: inout [ONNXValue?], _ limits: ONNXLimits) throws(DataError) {
    for (node, finished) in zip(nodes, finished) {
      let call = ONNXCall(
        node: node, inputs: node.inputs.map { slot in slot.flatMap { places[$0] } }, limits: limits,
        outside: node.implementation.hasBody ? places : [])
      let results = try node.implementation.run(call)
      for (slot, result) in zip(node.outputs, results) { if let slot { places[slot] = result } }
      guard results.count >= node.outputs.count else { throw call.fault("it has fewer results than the model wants") }
      for slot in finished { places[slot] = nil }
    }
  }
}

/// What a run may still take: graphs can ask for memory and time without end.
final class ONNXLimits {
  /// The most elements a value may have.
  let largestValue: Int
  /// How many nodes within bodies may still run.
  private var steps: Int

  init(largestValue: Int) {
    self.largestValue = largestValue
    steps = max(largestValue, 0) >> 4
  }

  /// Takes so many nodes of a body, or is false when that is too much.
  func take(_ nodes: Int) -> Bool {
    guard nodes <= steps else { return false }
    steps -= nodes
    return true
  }
}

/// An input or output of a model.
struct ONNXPort: Sendable {
  var port: ModelPort
  /// Whether the model says anything of its shape; a port without one takes all.
  var hasShape: Bool
  var slot: Int
}
