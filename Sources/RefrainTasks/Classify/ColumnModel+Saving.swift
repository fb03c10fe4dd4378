import Refrain
import RefrainData

extension ColumnModel {
  /// What a saved model needs besides its tensors; a task saves it with what it knows besides.
  struct Description: Codable {
    let target: String
    let columns: InputColumns
    let plan: NetworkPlan
    let members: Int
    let report: ColumnReport

    /// What is wrong with what somebody may have forged; nil where networks can be made of it.
    var fault: String? {
      plan.isSound && 1...64 ~= members && !columns.encoders.isEmpty ? nil : "the plan cannot be"
    }

    /// About how many weights there are.
    func weightCount(outputSize: Int) -> Double {
      Double(members) * JoinedNetwork.weightCount(columns, plan, outputSize: outputSize)
    }

    /// Networks whose weights are to be loaded.
    func networks(outputSize: Int) -> [JoinedNetwork] {
      var generator = RandomGenerator(seed: 0)
      return (0..<members).map { _ in JoinedNetwork(columns, plan, outputSize: outputSize, using: &generator) }
    }
  }

  var description: Description {
    Description(target: target, columns: columns, plan: plan, members: networks.count, report: report)
  }

  init(_ description: Description, networks: [JoinedNetwork]) {
    self.init(
      target: description.target, columns: description.columns, plan: description.plan, networks: networks,
      report: description.report)
  }
}

/// All tensors of a task on rows: its networks, and its linear baseline.
struct ColumnTensors<Baseline: TensorGroup>: TensorGroup {
  var networks: [JoinedNetwork]
  var baseline: Baseline?

  mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try networks.forEachTensor(under: "networks", body)
    try baseline?.forEachTensor(under: "baseline", body)
  }
}
