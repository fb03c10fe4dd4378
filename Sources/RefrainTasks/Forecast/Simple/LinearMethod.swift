import Refrain

/// The linear method on the windows of a forecaster: it sees what the network sees, and the network starts from it.
struct LinearMethod: Sendable {
  /// Which features of a context are used, as positions in `[context · I]`.
  private let columns: [Int]
  private let windows: ForecastWindows
  private var plan: ForecastPlan { windows.plan }

  init(_ windows: ForecastWindows) {
    self.windows = windows
    let (context, features) = (windows.plan.context, windows.featureCount)
    // What is known ahead was taken off the series; the waves of the calendar are known from their last step.
    let plan = windows.plan
    let roles = plan.roles(count: windows.covariateScalers.count)
    let seen = Set([0] + roles.indices.filter { roles[$0] == .past }.map { $0 + 1 })
    let waves = plan.waves(covariates: roles.count)
    columns = (0..<context * features).filter { place in
      let feature = place % features
      return seen.contains(feature) || waves.contains(feature) && place / features == context - 1
    }
  }

  /// What penalties are tried, in units of the number of inputs for a window.
  static let penalties = [0.02, 0.2, 2.0]

  /// The penalty for one of ``penalties``, when so many windows were seen.
  private func penalty(_ strength: Double, windows count: Int) -> Double {
    strength * Double(columns.count) / Double(count)
  }

  /// Inputs `[B, D + 1]`, the last of them 1, for the windows that end before the rows `ends`; the levels taken off.
  private func inputs(_ ends: [Int]) -> (input: Tensor, levels: [Float]) {
    let (contexts, levels) = windows.contexts(endingAt: ends)
    let width = plan.context * windows.featureCount
    let values = contexts.values
    var rows: [Float] = []
    rows.reserveCapacity(ends.count * (columns.count + 1))
    for row in ends.indices {
      if columns.count == width {
        rows += values[row * width..<(row + 1) * width]
      } else {
        for column in columns { rows.append(values[row * width + column]) }
      }
      rows.append(1)
    }
    return (Tensor(rows, shape: [ends.count, columns.count + 1]), levels)
  }

  /// What is added to repeating the last season or value, `[B, horizon]`.
  private func corrections(_ ends: [Int], levels: [Float]) -> Tensor {
    var values: [Float] = []
    values.reserveCapacity(ends.count * plan.horizon)
    for end in ends {
      for step in 0..<plan.horizon {
        values.append(
          windows.value(at: end + step) - windows.value(at: end - plan.base + step % plan.base, before: end))
      }
    }
    return Tensor(values, shape: [ends.count, plan.horizon])
  }

  private func add(_ ends: some Collection<Int>, to sums: inout LinearForecast.Sums) {
    var rest = Array(ends)[...]
    while !rest.isEmpty {
      let part = Array(rest.prefix(2048))
      rest = rest.dropFirst(2048)
      let (input, levels) = inputs(part)
      sums.add(input, corrections(part, levels: levels))
    }
  }

  /// The windows whose horizon ends before a row; of very many the newest.
  private func ends(before limit: Int) -> Range<Int> {
    let last = max(limit - plan.horizon + 1, plan.context)
    let affordable = max(1000, 400_000_000 / (columns.count * columns.count))
    return max(plan.context, last - affordable)..<last
  }

  /// The coefficients learned from the first `limit` rows; nil when there is no window among them.
  func fitted(within limit: Int, strength: Double) -> LinearForecast? {
    var sums = LinearForecast.Sums(inputs: columns.count + 1, outputs: plan.horizon)
    let ends = ends(before: limit)
    guard !ends.isEmpty else { return nil }
    add(ends, to: &sums)
    return LinearForecast(sums, penalty: penalty(strength, windows: sums.count))
  }

  /// The forecasts from the ends given in rising order, scaled, for each of ``penalties``; each from what came before
  /// its end alone. Nil when there are no windows to learn from before the first.
  func forecasts(at ends: [Int]) -> [[[Double]]]? {
    guard let first = ends.first, first - plan.horizon + 1 > plan.context + 3 else { return nil }
    var sums = LinearForecast.Sums(inputs: columns.count + 1, outputs: plan.horizon)
    var result = [[[Double]]](repeating: [], count: Self.penalties.count)
    var seen = self.ends(before: first).lowerBound
    // Solving costs as the cube of the inputs, and for short series nothing.
    let solutions = max(1, min(ends.count, 40_000_000 / (columns.count * columns.count * columns.count)))
    let size = (ends.count + solutions - 1) / solutions
    for start in stride(from: 0, to: ends.count, by: size) {
      let group = Array(ends[start..<min(start + size, ends.count)])
      let limit = self.ends(before: group[0]).upperBound
      if seen < limit {
        add(seen..<limit, to: &sums)
        seen = limit
      }
      for (number, strength) in Self.penalties.enumerated() {
        guard let model = LinearForecast(sums, penalty: penalty(strength, windows: sums.count)) else { return nil }
        result[number] += forecasts(model, at: group)
      }
    }
    return result
  }

  /// The forecasts of learned coefficients, scaled.
  func forecasts(_ model: LinearForecast, at ends: [Int]) -> [[Double]] {
    let values = inputs(ends).input.values
    let width = columns.count + 1
    return ends.enumerated().map { row, end in
      let correction = model(values[row * width..<(row + 1) * width].lazy.map(Double.init))
      return correction.enumerated().map { step, value in
        value + Double(windows.value(at: end - plan.base + step % plan.base, before: end))
      }
    }
  }

  /// Starts a network from the linear forecast that is learned from all places together, when they have windows.
  static func begin(_ network: inout ForecastNetwork, with places: [(windows: ForecastWindows, limit: Int)]) {
    guard let first = places.first.map({ LinearMethod($0.windows) }) else { return }
    var sums = LinearForecast.Sums(inputs: first.columns.count + 1, outputs: first.plan.horizon)
    for place in places {
      let method = LinearMethod(place.windows)
      method.add(method.ends(before: place.limit), to: &sums)
    }
    guard sums.count > 0,
      let model = LinearForecast(sums, penalty: first.penalty(penalties[1], windows: sums.count))
    else { return }
    first.begin(&network, with: model)
  }

  /// Makes the network give what the coefficients say.
  private func begin(_ network: inout ForecastNetwork, with model: LinearForecast) {
    let width = plan.context * windows.featureCount
    var skip = [Float](repeating: 0, count: plan.horizon * width)
    for (input, column) in columns.enumerated() {
      for step in 0..<plan.horizon { skip[step * width + column] = Float(model.weights[input * plan.horizon + step]) }
    }
    network.skip = Tensor(skip, shape: network.skip.shape)
    let bias = (0..<plan.horizon).flatMap { step in
      let value = Float(model.weights[columns.count * plan.horizon + step])
      return Array(repeating: value, count: ForecastNetwork.quantiles.count)
    }
    network.head.bias = Tensor(bias, shape: network.head.bias.shape)
  }
}
