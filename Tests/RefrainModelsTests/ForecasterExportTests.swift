import Foundation
import Refrain
import RefrainData
import RefrainFormats
import RefrainTasks
import Testing

@testable import RefrainModels

@Suite struct `A forecaster's network` {
  @Test(arguments: ["lstm", "gru", "mgu", "sru", "layer-norm-lstm"]) func `is exported whole`(cell: String) throws {
    var configuration = Forecaster.Configuration()
    (configuration.cell, configuration.layers, configuration.epochs, configuration.hiddenSize) = (cell, 2, 2, 4)
    // No multiple of the season, so that the last repetition is cut.
    (configuration.horizon, configuration.context, configuration.folds) = (15, 24, 1)
    let forecaster = try Forecaster.train(on: .airline, configuration: configuration)
    let network = forecaster.forecastNetwork
    let model = try ONNXModel(bytes: network.onnx())
    #expect(model.inputs == network.inputs)
    let shape = [3, 24, try #require(network.inputs[0].shape[2])]
    let input = Tensor((0..<shape.reduce(1, *)).map { sin(1.7 * Float($0)) }, shape: shape)
    let (found, wanted) = (try model(input), network(input))
    #expect(found.shape == [3, 15, 3] && wanted.shape == found.shape)
    #expect(zip(found.values, wanted.values).allSatisfy { abs($0 - $1) < 1e-5 * max(1, abs($1)) })

    // Every weight is in the file under its name, once.
    #expect(model.parameterNames.contains("skip.weight") && model.parameterNames.contains("head.weight"))
    #expect(!model.parameterNames.contains { $0.hasSuffix("_2") && !$0.hasPrefix("constant") })

    // The same through a file: it is loaded as the task it is, run on arrays, and converted with proof.
    let file = try forecaster.modelFile().bytes()
    let loaded = try LoadedModel(file, path: nil, assuming: StateAssumptions())
    let outputs = try loaded.runnable().run(["input": NumericArray(input.values, shape: shape)])
    #expect(outputs["output"]?.values.floats == wanted.values)
    let conversion = try Conversion(loaded, to: targets("onnx")[0])
    #expect(conversion.difference <= Conversion.tolerance && conversion.comparisons > 0)
    let error = #expect(throws: DataError.self) { try Conversion(loaded, to: targets("keras")[0]) }
    #expect(error?.description.contains("--to onnx") == true)
  }
}
