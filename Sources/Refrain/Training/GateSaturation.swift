/// How many units of a recurrent level have gates that decide nothing: each of them stays at one end, whatever comes
/// in.
///
/// A gate below 0.1 is closed and one above 0.9 open (Karpathy, Johnson and Fei-Fei 2015). That many are is no trouble
/// by itself: a forget gate near 1 is what remembers, and an output gate may open for one step in a hundred. A unit is
/// stuck where each of its gates is at one end, always the same, at 95 of 100 steps; a level is in trouble where nine
/// of ten units are stuck.
///
/// Gates that decide what is kept are left out where two others are there, as the input and the output gate of an LSTM.
/// Where they are not, as in a GRU, they count from 0.01 and 0.99 on, as does a gate that is the only one: a unit that
/// keeps 0.95 at each step forgets half in fourteen.
struct GateSaturation {
  /// The level's name.
  let level: String
  /// The gates that were judged.
  let gates: [String]
  /// How many units are stuck, of how many.
  let stuck, units: Int

  /// Whether the level is in trouble.
  var isTrouble: Bool { units > 0 && 10 * stuck >= 9 * units }

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
    guard let shape = judged.first?.values.shape, shape[0] >= Self.leastSteps else { return nil }
    let (steps, units) = (shape[0], shape[1])
    var isStuck = [Bool](repeating: true, count: units)
    for gate in judged {
      let end: Float = gate.decidesRetention || judged.count == 1 ? 0.01 : 0.1
      let values = gate.values.values
      for unit in 0..<units where isStuck[unit] {
        var (closed, open) = (0, 0)
        for step in 0..<steps {
          let value = values[step * units + unit]
          if value < end { closed += 1 } else if value > 1 - end { open += 1 }
        }
        isStuck[unit] = 100 * max(closed, open) >= 95 * steps
      }
    }
    (self.level, gates) = (level, judged.map(\.gate))
    (stuck, self.units) = (isStuck.count { $0 }, units)
  }
}
