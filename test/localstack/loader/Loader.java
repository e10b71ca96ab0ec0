import java.lang.instrument.Instrumentation;

public class Loader {
  public static void premain(String arguments, Instrumentation instrumentation) {}
}
