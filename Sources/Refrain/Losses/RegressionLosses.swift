extension Loss {
  /// The mean of (y − t)².
  public static let meanSquaredError = Loss("mean squared error") { ($0 - $1).squared }

  /// The mean of |y − t|.
  public static let meanAbsoluteError = Loss("mean absolute error") { abs($0 - $1) }

  /// ½ d² where the difference d is at most `delta`, and `delta` · (|d| − ½ `delta`) beyond: outliers pull no harder
  /// than they would on the absolute error (Huber 1964).
  public static func huber(delta: Float = 1) -> Loss {
    require(delta > 0, "huber: delta is \(delta), and must be positive")
    return Loss("huber") { prediction, target in
      let distance = abs(prediction - target)
      let inner = minimum(distance, Tensor(delta))
      return inner * (distance - inner * 0.5)
    }
  }

  /// The pinball loss, whose minimum is at the given quantiles: max(q · (t − y), (q − 1) · (t − y)), the mean over the
  /// levels q (Koenker and Bassett 1978). Prediction `[…, Q]`, a value a level; target `[…]` or `[…, 1]`.
  public static func quantile(_ levels: [Float]) -> Loss {
    require(
      !levels.isEmpty && levels.allSatisfy { $0 > 0 && $0 < 1 }, "quantile: the levels \(levels) are not all inside 0…1"
    )
    let levels = Tensor(levels, shape: [1, levels.count])
    return Loss("quantile", target: .single) { prediction, target in
      require(
        prediction.shape[1] == levels.count,
        "quantile: the prediction has \(prediction.shape[1]) columns for \(levels.count) levels")
      let missing = target - prediction
      return maximum(missing * levels, missing * (levels - 1))
    }
  }
}
