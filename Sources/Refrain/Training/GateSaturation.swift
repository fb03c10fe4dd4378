/// How much of the time the gates of a recurrent level decide nothing, as all of them are open or closed.
///
/// A gate below 0.1 is closed and one above 0.9 open, left and right saturated (Karpathy, Johnson and Fei-Fei 2015).
/// That many are is no trouble by itself: a forget gate near 1 is what remembers. But a unit all of whose gates are at
/// an end hardly has a gradient through them. So each step of each unit counts where all its gates are at an end, and a
/// level is in trouble where four of five do.
///
/// Gates that decide what is kept are left out where two others are there, as the input and the output gate of an LSTM.
/// Where they are not, as in a GRU, they count below 0.01 and above 0.99, as does a gate that is the only one: a unit
/// that keeps 0.95 at each step forgets half in fourteen.
struct GateSaturation {
  /// The level's name.
  let level: String
  /// The gates that were judged.
  let gates: [String]
  /// The share of the units' steps at which all of these are at an end.
  let share: Double

  /// Whether the level is in trouble.
  var isTrouble: Bool { share >= 0.8 }

  /// The levels of a model whose gates can be judged.
  static func levels(_ all: [GateValues]) -> [GateSaturation] {
    var names: [String] = []
    for gate in all where !names.contains(gate.level) { names.append(gate.level) }
    return names.compactMap { name in GateSaturation(name, all.filter { $0.level == name }) }
  }

  /// Fewer steps say nothing of what a gate does at all of them.
  private static let leastSteps = 16

  private init?(_ level: String, _ all: [GateValues]) {
    let shares = all.filter { gate in
      // A candidate may be a share by chance.
      gate.values.rank == 2 && gate.values.shape == all[0].values.shape && !gate.gate.hasPrefix("candidate")
        && gate.values.values.allSatisfy { (0...1).contains($0) }
    }
    let others = shares.filter { !$0.decidesRetention }
    let judged = others.count > 1 ? others : shares
    guard let shape = judged.first?.values.shape, shape[0] >= Self.leastSteps, shape[1] > 0 else { return nil }
    var isAtEnd = [Bool](repeating: true, count: shape[0] * shape[1])
    for gate in judged {
      let end: Float = gate.decidesRetention || judged.count == 1 ? 0.01 : 0.1
      for (place, value) in gate.values.values.enumerated() where value >= end && value <= 1 - end {
        isAtEnd[place] = false
      }
    }
    (self.level, gates) = (level, judged.map(\.gate))
    share = Double(isAtEnd.count { $0 }) / Double(isAtEnd.count)
  }
}
