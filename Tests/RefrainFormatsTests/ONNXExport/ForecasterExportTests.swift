import Refrain
import RefrainData
import RefrainFormats
import RefrainTasks
import Testing

@Suite struct `A forecaster's network` {
  @Test(arguments: ["lstm", "gru", "mgu", "sru", "layer-norm-lstm"]) func `is exported whole`(cell: String) throws {
    var configuration = Forecaster.Configuration()
    (configuration.cell, configuration.layers, configuration.epochs, configuration.hiddenSize) = (cell, 2, 2, 4)
    // No multiple of the season, so that the last repetition is cut.
    (configuration.horizon, configuration.context, configuration.folds) = (15, 24, 1)
    let forecaster = try Forecaster.train(on: .airline, configuration: configuration)
    let network = forecaster.network
    let model = try ONNXModel(bytes: forecaster.onnx())
    let features = network.skip.shape[1] / forecaster.context
    let input = ramp([3, forecaster.context, features])
    expectClose(try model(input), network(input), cell)
    #expect(network(input).shape == [3, 15, 3])
  }
}
