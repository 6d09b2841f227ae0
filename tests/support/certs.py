"""A throwaway certificate authority made with openssl."""
import os
import subprocess


def _openssl(*args):
    subprocess.run(["openssl", *args], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


class Authority:
    def __init__(self, folder):
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        self.ca_file = os.path.join(folder, "ca.pem")
        self._key = os.path.join(folder, "ca.key")
        _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                 "-keyout", self._key, "-out", self.ca_file, "-subj", "/CN=Throwaway test authority",
                 "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def issue(self, label, names):
        """Returns (certificate file, key file, both in one file) for the DNS `names`."""
        base = os.path.join(self.folder, label)
        cert, key, both, request, extensions = (base + ext for ext in (".crt", ".key", ".pem", ".csr", ".ext"))
        _openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", request,
                 "-subj", f"/CN={names[0]}")
        with open(extensions, "w", encoding="ascii") as out:
            out.write("subjectAltName=" + ",".join("DNS:" + name for name in names) + "\n")
        _openssl("x509", "-req", "-in", request, "-CA", self.ca_file, "-CAkey", self._key, "-CAcreateserial", "-days", "2",
                 "-out", cert, "-extfile", extensions)
        with open(both, "wb") as out:
            for part in (cert, key):
                with open(part, "rb") as source:
                    out.write(source.read())
        os.chmod(key, 0o600)
        return cert, key, both


def self_signed(folder, key, hive, expired=False):
    """Another certificate of a hive with its own key, made by OpenSSL's own hand; returns its file."""
    os.makedirs(folder, exist_ok=True)
    path = {name: os.path.join(folder, name) for name in ("ca.cnf", "index.txt", "serial", "request", "certificate")}
    with open(path["ca.cnf"], "w", encoding="ascii") as out:
        out.write(f"[ca]\ndefault_ca=d\n[d]\ndatabase={path['index.txt']}\nnew_certs_dir={folder}\nserial={path['serial']}\n"
                  "default_md=default\npolicy=p\nx509_extensions=e\n[p]\ncommonName=supplied\n"
                  f"[e]\nsubjectAltName=URI:skep:hive:{hive}\n")
    for name, text in (("index.txt", ""), ("serial", "01\n")):
        with open(path[name], "w", encoding="ascii") as out:
            out.write(text)
    years = ("20200101000000Z", "20210101000000Z") if expired else ("20200101000000Z", "20990101000000Z")
    _openssl("req", "-new", "-key", key, "-subj", f"/CN={hive}", "-out", path["request"])
    _openssl("ca", "-batch", "-notext", "-config", path["ca.cnf"], "-selfsign", "-keyfile", key, "-in", path["request"],
             "-startdate", years[0], "-enddate", years[1], "-out", path["certificate"])
    return path["certificate"]
