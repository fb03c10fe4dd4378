import RefrainData

/// What a model computes: nodes in the order in which they run, and numbered places for the values between them.
struct ONNXGraph: Sendable {
  var nodes: [ONNXNode] = []
  /// The initializers: which value lies where before the first node.
  var constants: [(slot: Int, value: ONNXValue)] = []
  /// The names of the initializers of floats, which can be learned, in their order, and where their values lie.
  var parameters: [(name: String, slot: Int, value: ONNXValue)] = []
  var inputs: [ONNXPort] = []
  var outputs: [ONNXPort] = []
  /// For each node, the places that nobody looks at after it.
  var finished: [[Int]] = []
  /// How many places there are.
  var slots = 0

  /// The parameters that are no weights: running statistics, bounds, states before the first step, single numbers.
  var constantParameters: Set<String> {
    var used: [Int: Bool] = [:]
    for node in nodes {
      for (index, slot) in node.inputs.enumerated() {
        guard let slot else { continue }
        used[slot] = used[slot] ?? false || node.implementation.learnedInputs?.contains(index) ?? true
      }
    }
    return Set(parameters.filter { $0.value.rank == 0 || used[$0.slot] == false }.map(\.name))
  }

  /// Finds when each place is looked at for the last time.
  mutating func findFinished() {
    var isWanted = Set(outputs.map(\.slot))
    finished = Array(repeating: [], count: nodes.count)
    for index in nodes.indices.reversed() {
      for slot in (nodes[index].inputs + nodes[index].outputs).compactMap(\.self) where isWanted.insert(slot).inserted {
        finished[index].append(slot)
      }
    }
  }
}

/// An input or output of a model.
struct ONNXPort: Sendable {
  var port: ModelPort
  /// Whether the model says anything of its shape; a port without one takes all.
  var hasShape: Bool
  var slot: Int
}
