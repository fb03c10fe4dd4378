import Refrain
import RefrainData

extension Regressor {
  /// Learns of rows with their numbers, with everything left to the data.
  public static func train(on examples: LabelledRecords) throws(TaskError) -> Regressor {
    try train(on: examples, RegressorConfiguration(), TrainingContext())
  }

  /// Learns of rows with their numbers.
  ///
  /// - Throws: ``TaskError`` when there is too little to learn from, or training was stopped before there was a result.
  public static func train(
    on examples: LabelledRecords, _ configuration: RegressorConfiguration, _ context: TrainingContext
  ) throws(TaskError) -> Regressor {
    let learning: ColumnLearning<NumberHead>
    do throws(DataError) {
      learning = try ColumnLearning(examples, configuration.columns, of: "numbers") { column throws(DataError) in
        try NumberHead(column)
      }
    } catch {
      throw TaskError(error)
    }
    let (heldOut, truths, head) = (learning.heldOut, learning.heldOutTruths, learning.head)
    func residuals(_ values: [Double]) -> Residuals { Residuals(zip(truths, values).map { $0 - $1 }) }
    func values(_ model: ColumnModel) throws(TaskError) -> [Double] {
      try model.scores(heldOut.rows, heldOut.places).map(head.value)
    }
    let model = try learning.model(context) { model throws(TaskError) in
      Regressor(model: model, scale: head, residuals: residuals(try values(model)), baseline: nil)
    }
    var baseline = RidgeRegression(model.columns)
    try baseline?.fit(learning.training, heldOut: heldOut)
    let said = try values(model)
    var regressor = Regressor(model: model, scale: head, residuals: residuals(said), baseline: baseline)
    if !truths.isEmpty {
      var evaluation = RegressionMeasures.evaluation(
        of: regressor.answers(said, level: nil), truth: truths, mean: head.mean,
        linear: regressor.linear(heldOut.rows, heldOut.places))
      // On these rows the intervals hold by their making what they are to hold.
      evaluation.measures.removeAll { $0.name == "coverage" }
      regressor.model.report.evaluation = SavedEvaluation(evaluation)
    }
    let measured = regressor
    regressor.model = try learning.refitted(regressor.model, context) { model in
      var regressor = measured
      regressor.model = model
      return regressor
    }
    try learning.requireWhole()
    return regressor
  }

  /// Numbers with their intervals.
  func answers(_ values: [Double], level: Double?) -> [RegressionAnswer] {
    let offsets = residuals.offsets(level ?? 80)
    return values.map { value in
      RegressionAnswer(
        value: value, low: offsets.map { scale.bounded(value + $0.low) },
        high: offsets.map { scale.bounded(value + $0.high) })
    }
  }

  /// What the linear baseline says of some rows.
  func linear(_ rows: EncodedRows, _ places: some Sequence<Int>) -> [Double]? {
    baseline?.values(rows, places).map(scale.value)
  }
}
